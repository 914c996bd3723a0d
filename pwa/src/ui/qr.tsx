// A QR code as the server drew it: always dark on white, whatever the theme.
import { t } from '../i18n';

const QUIET = 4;

export function Qr({ path, size, label = t('enrol.qr.alt') }: { path: string; size: number; label?: string }) {
  const all = size + 2 * QUIET;
  return (
    <svg class="qr" viewBox={`${-QUIET} ${-QUIET} ${all} ${all}`} role="img" aria-label={label} shape-rendering="crispEdges">
      <rect x={-QUIET} y={-QUIET} width={all} height={all} fill="#ffffff" />
      <path d={path} fill="#000000" />
    </svg>
  );
}
