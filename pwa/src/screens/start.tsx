// Start: one large button. Also shown in place of any screen that needs a
// sign-in; the address stays, and the screen comes after it.
import { useState } from 'preact/hooks';
import { Button, Screen } from '../ui/kit';
import { grave, Support, Trouble } from '../ui/help';
import { Mark } from '../ui/icons';
import { NoPasskeys } from '../ui/blocked';
import { t, type Key } from '../i18n';
import { useAct } from '../lib/act';
import { signIn, useCeremony } from '../lib/ceremony';
import { go } from '../lib/router';
import { info, session, signedIn } from '../lib/session';
import { askable } from '../lib/ways';
import { support } from '../lib/webauthn';

const ended: Record<string, Key> = {
  over: 'start.over',
  out: 'start.out',
  everywhere: 'start.everywhere',
  forgot: 'start.forgot',
  removed: 'start.removed',
};

/** waiting: as the document shows it, until the app can do what its button says. */
export function Start({ next, waiting = false }: { next?: boolean; waiting?: boolean }) {
  const able = support();
  const ceremony = useCeremony(able === 'yes' ? '/api/sign-in/begin' : null);
  const act = useAct();
  const [guest, setGuest] = useState(false);
  const { organisation, recovery } = info.use();
  const why = ended[session.use().ended];
  const problem = act.problem ?? (act.busy ? null : ceremony.problem);

  const touch = () =>
    act.run(async () => {
      const me = await ceremony.use((c) => signIn(c, !guest));
      signedIn(me);
      if (!next) go('/account', { replace: true });
    });

  return (
    <Screen title={t(next ? 'start.next' : 'start.title')} kind="start">
      <p class="lead">{t(next ? 'start.next.lead' : 'start.lead')}</p>
      {!grave(problem) && able === 'yes' && (
        <>
          <div class="start-art">
            <Mark />
          </div>
          <p class="start-org">{organisation}</p>
        </>
      )}
      {why && !problem && (
        <p class="note" role="status">
          {t(why)}
        </p>
      )}
      <Trouble problem={problem} quiet />
      {grave(problem) && <Support />}
      {able === 'yes' ? (
        <div class="dock">
          <label class="tick">
            <input type="checkbox" checked={guest} onChange={(e) => setGuest(e.currentTarget.checked)} />
            <span>
              {t('start.guest')}
              {guest && <small>{t('start.guest.why')}</small>}
            </span>
          </label>
          <Button icon="key" busy={act.busy || waiting} doing={t('wait.passkey')} onClick={() => void touch()}>
            {t(next ? 'start.in' : 'start.go')}
          </Button>
        </div>
      ) : (
        <NoPasskeys reason={able} />
      )}
      <p class="start-links">
        {/* The same words in the same place: where nothing but a passkey lets anybody in, they lead to what may help with it. */}
        <a href={askable(recovery).length > 0 ? '/recover' : '/help'}>{t('start.help')}</a>
        <a href="/about">{t('start.about')}</a>
      </p>
    </Screen>
  );
}
