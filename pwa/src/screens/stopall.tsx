// "This wasn't me", from inside: one touch stops everything for the account here.
import { t } from '../i18n';
import { useAct } from '../lib/act';
import { post } from '../lib/api';
import { forgetAll } from '../lib/resource';
import { go } from '../lib/router';
import { signedOut } from '../lib/session';
import { stopped } from '../lib/stop';
import { Trouble } from '../ui/help';
import { Button, Sheet } from '../ui/kit';

/** Asks first. */
export function StopAll({ onKeep }: { onKeep: () => void }) {
  const act = useAct();
  const stop = () =>
    act.run(async () => {
      await post('/api/freeze');
      stopped.set(true);
      forgetAll();
      go('/freeze', { replace: true });
      signedOut('');
    });
  return (
    <Sheet title={t('freeze.ask')} onClose={onKeep}>
      <p>{t('freeze.lead')}</p>
      <p class="hint">{t('freeze.ask.sub')}</p>
      <Trouble problem={act.problem} quiet />
      <div class="pair">
        <Button weight="danger" busy={act.busy} doing={t('freeze.doing')} onClick={() => void stop()}>
          {t('freeze.go')}
        </Button>
        <Button weight="second" onClick={onKeep}>
          {t('freeze.keep')}
        </Button>
      </div>
    </Sheet>
  );
}
