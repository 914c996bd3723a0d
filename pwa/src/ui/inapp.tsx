// In a mail or chat app's own window passkeys don't work: say how to get out.
import { t } from '../i18n';
import { thisDevice } from '../lib/device';
import { Support } from './help';
import { Banner, Button, Copy } from './kit';

export function InApp({ onAnyway }: { onAnyway: () => void }) {
  const { inApp, system } = thisDevice();
  return (
    <>
      <p class="lead">{t('inapp.lead', { app: inApp === '?' ? t('inapp.app') : inApp })}</p>
      <Banner tone="info" quiet>
        <p>{t(system === 'ios' ? 'inapp.ios' : 'inapp.android')}</p>
      </Banner>
      <p>{t('inapp.or')}</p>
      <Copy weight="primary" text={location.href} label={t('enrol.copy')} />
      <Button weight="quiet" onClick={onAnyway}>
        {t('inapp.anyway')}
      </Button>
      <Support />
    </>
  );
}
