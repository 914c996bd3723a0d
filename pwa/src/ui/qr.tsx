// A QR code as the server drew it: always dark on white, whatever the theme.
import { t } from '../i18n';

const QUIET = 4;

export function Qr({ path, size }: { path: string; size: number }) {
  const all = size + 2 * QUIET;
  return (
    <svg class="qr" viewBox={`${-QUIET} ${-QUIET} ${all} ${all}`} role="img" aria-label={t('enrol.qr.alt')} shape-rendering="crispEdges">
      <rect x={-QUIET} y={-QUIET} width={all} height={all} fill="#ffffff" />
      <path d={path} fill="#000000" />
    </svg>
  );
}
