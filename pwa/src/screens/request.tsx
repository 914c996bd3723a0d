// One request, at its own address: what it shows follows from its state.
import { useEffect } from 'preact/hooks';
import type { Request } from '../api-types';
import { t } from '../i18n';
import { post } from '../lib/api';
import { useAct } from '../lib/act';
import { useResource, type Resource } from '../lib/resource';
import { go } from '../lib/router';
import { refresh } from '../lib/session';
import { Details, explain, Support } from '../ui/help';
import { Icon, type IconName } from '../ui/icons';
import { Button, Screen, Skeleton, type Tone } from '../ui/kit';
import { Done } from './request/done';
import { OneTime } from './request/onetime';
import { SetPassword } from './request/password';
import { Prove } from './request/prove';
import { Failed } from './trouble';

/** How often a request that moves by itself is read again. */
const POLL_MS = 2000;

export function RequestScreen({ params }: { params: Record<string, string> }) {
  const resource = useResource<Request>(`/api/requests/${encodeURIComponent(params.id ?? '')}`);
  const { data: request, problem, reload } = resource;
  const moving = request?.state === 'executing' || request?.state === 'unknown' || request?.state === 'pending';
  useEffect(() => {
    if (!moving) return;
    const timer = setInterval(() => document.visibilityState === 'visible' && void reload(), POLL_MS);
    return () => clearInterval(timer);
  }, [moving, reload]);
  if (!request) return problem ? <Failed problem={problem} retry={() => void reload()} /> : <Skeleton />;
  return <ByState request={request} resource={resource} />;
}

function ByState({ request, resource }: { request: Request; resource: Resource<Request> }) {
  const typed = request.kind === 'reset' || request.kind === 'change';
  switch (request.state) {
    case 'draft':
      return <Prove request={request} onDone={resource.set} />;
    case 'approved':
      if (typed) return <SetPassword request={request} onRequest={resource.set} />;
      if (request.kind === 'one-time') return <OneTime request={request} onRequest={resource.set} />;
      return <Ended request={request} name="wait" tone="wait" which="executing" />;
    case 'executing':
      return <Ended request={request} name="wait" tone="wait" which="executing" />;
    case 'done':
      if (request.kind === 'one-time' && request.unseen) return <OneTime request={request} onRequest={resource.set} />;
      return <Done request={request} reload={resource.reload} />;
    case 'unknown':
      return <Ended request={request} name="wait" tone="wait" which="unknown" />;
    case 'pending':
      return <Ended request={request} name="wait" tone="info" which="pending" />;
    case 'cancelled':
      return <Ended request={request} name="info" tone="info" which="cancelled" />;
    default:
      return <Ended request={request} name="stop" tone="stop" which={request.state} />;
  }
}

interface EndedProps {
  request: Request;
  name: IconName;
  tone: Tone;
  which: 'failed' | 'denied' | 'expired' | 'cancelled' | 'pending' | 'unknown' | 'executing';
}

/** Where nothing is left to do on this request. */
function Ended({ request, name, tone, which }: EndedProps) {
  const act = useAct();
  const over = which !== 'pending' && which !== 'unknown' && which !== 'executing';
  const problem = request.code ? { type: '', title: '', status: 0, code: request.code, params: request.params, instance: request.id } : null;
  const [what, todo] = problem && !problem.code.startsWith('request.') ? explain(problem) : ['', '']; // the title says those
  const sub = t(`end.${which}.sub`);
  const again = () =>
    act.run(async () => {
      const next = await post<Request>('/api/requests', { kind: request.kind });
      go(`/request/${next.id}`, { replace: true });
    });
  const close = () => {
    void refresh();
    go('/account', { replace: true });
  };
  return (
    <Screen title={t(`end.${which}`)} up="/account" kind="plain" key={which}>
      <div class={`sign ${tone}`} data-live={!over || undefined}>
        <Icon name={name} />
      </div>
      {over && what && <p class="lead">{what}</p>}
      {over && todo && <p>{todo}</p>}
      {!todo.includes(sub) && (
        <p class={over && what ? '' : 'lead'} role="status">
          {sub}
        </p>
      )}
      <div class="dock">
        {which === 'expired' || which === 'failed' ? (
          <Button busy={act.busy} onClick={() => void again()}>
            {t('end.again')}
          </Button>
        ) : null}
        <Button weight={which === 'expired' || which === 'failed' ? 'second' : 'primary'} onClick={close}>
          {t('end.account')}
        </Button>
      </div>
      {tone === 'stop' && problem && <Details problem={problem} />}
      {tone === 'stop' && <Support />}
    </Screen>
  );
}
