// Where a passkey can't work: an app's own window, an old browser, no TLS.
import { t } from '../i18n';
import { Banner, Copy } from './kit';
import { Support } from './help';

export function NoPasskeys({ reason }: { reason: 'insecure' | 'missing' }) {
  return (
    <>
      <Banner tone="stop" title={t('nokey.title')}>
        <p>{t(reason === 'insecure' ? 'nokey.insecure' : 'nokey.lead')}</p>
      </Banner>
      <Copy weight="primary" text={location.href} label={t('enrol.copy')} />
      <Support />
    </>
  );
}
