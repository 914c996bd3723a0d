// What is asked for, and the passkey that confirms it.
import type { Request } from '../../api-types';
import { t } from '../../i18n';
import { useAct } from '../../lib/act';
import { post } from '../../lib/api';
import { useCeremony } from '../../lib/ceremony';
import { moment } from '../../lib/format';
import { go, note } from '../../lib/router';
import { refresh, session } from '../../lib/session';
import { assert } from '../../lib/webauthn';
import { Trouble } from '../../ui/help';
import { Icon } from '../../ui/icons';
import { Button, Screen } from '../../ui/kit';
import { wanting } from '../recover/draft';
import { needsApproval } from './asked';

interface Props {
  request: Request;
  onDone: (r: Request) => void;
}

export const Prove = (props: Props) => (session.use().me?.session.recovered ? <Anew request={props.request} /> : <Touch {...props} />);

/** Whoever came without a passkey can only come that way again: what they proved counts once. */
function Anew({ request }: { request: Request }) {
  const begin = () => {
    go('/recover', { replace: true }); // asked for again, what is open goes on
    note(wanting(request.kind));
  };
  return (
    <Screen title={t('prove.anew')} up="/account" kind="plain" key="anew">
      <div class="sign info">
        <Icon name="key" />
      </div>
      <p class="lead">{t('prove.anew.lead')}</p>
      <div class="dock">
        <Button onClick={begin}>{t('prove.anew.go')}</Button>
      </div>
    </Screen>
  );
}

function Touch({ request, onDone }: Props) {
  const { id, kind, deadline } = request;
  const path = `/api/requests/${encodeURIComponent(id)}/proof`;
  const ceremony = useCeremony(`${path}/begin`);
  const act = useAct();
  const touch = () =>
    act.run(() =>
      ceremony.use(async (c) => {
        const credential = await assert(c);
        onDone(await post<Request>(`${path}/finish`, { token: c.token, credential }));
        void refresh();
      }),
    );
  return (
    <Screen title={t(`prove.title.${kind}`)} up="/account" kind="plain">
      <div class="sign info">
        <Icon name="key" />
      </div>
      <p class="lead">{t('prove.lead')}</p>
      <p>{needsApproval(kind) && !request.review ? t('ask.prove') : t(`prove.next.${kind}`)}</p>
      <Trouble problem={act.problem ?? (act.busy ? null : ceremony.problem)} />
      <div class="dock">
        <p class="hint">{deadline && t('pw.open', { time: moment(deadline) })}</p>
        <Button icon="key" busy={act.busy} doing={t('wait.passkey')} onClick={() => void touch()}>
          {t(kind === 'unlock' ? 'prove.go.unlock' : 'prove.go')}
        </Button>
      </div>
    </Screen>
  );
}
