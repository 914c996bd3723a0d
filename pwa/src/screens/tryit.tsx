// The first use of a new passkey, which opens what a sign-in without one does not.
import { useAct } from '../lib/act';
import { signIn, useCeremony } from '../lib/ceremony';
import { go } from '../lib/router';
import { session, signedIn } from '../lib/session';
import { t } from '../i18n';
import { Trouble } from '../ui/help';
import { Button } from '../ui/kit';

export function TryIt({ text, weight }: { text: string; weight?: 'primary' | 'second' }) {
  const ceremony = useCeremony('/api/sign-in/begin');
  const act = useAct();
  const touch = () =>
    act.run(() =>
      ceremony.use(async (c) => {
        signedIn(await signIn(c, session.get().me?.session.remember ?? false));
        go('/account', { replace: true });
      }),
    );
  return (
    <>
      <Trouble problem={act.problem} quiet />
      <Button weight={weight} icon="key" busy={act.busy} doing={t('wait.passkey')} onClick={() => void touch()}>
        {text}
      </Button>
    </>
  );
}
