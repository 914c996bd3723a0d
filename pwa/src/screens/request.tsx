// One request, at its own address: what it shows follows from its state.
import { useEffect, useRef } from 'preact/hooks';
import type { Request } from '../api-types';
import { says, t } from '../i18n';
import { useAct, type Act } from '../lib/act';
import { useLive } from '../lib/follow';
import { later } from '../lib/paint';
import { useResource, type Resource } from '../lib/resource';
import { go } from '../lib/router';
import { refresh } from '../lib/session';
import { Details, explain, Support, Trouble, useTold } from '../ui/help';
import { Icon, type IconName } from '../ui/icons';
import { Button, Screen, Skeleton, type Tone } from '../ui/kit';
import { lazy } from '../ui/lazy';
import { askFor, isStrange, soleName, useAsked } from './request/asked';
import type { DoneProps } from './request/done';
import type { NewPasskeyProps } from './request/newpasskey';
import { onScreen } from './request/form';
import type { OneTimeProps } from './request/onetime';
import type { SetPasswordProps } from './request/password';
import { Prove } from './request/prove';
import type { StrangerProps } from './request/stranger';
import type { WaitingProps } from './request/waiting';
import { ending } from './review/words';
import { Failed } from './trouble';

// Rare ones.
const newPasskey = lazy<NewPasskeyProps>(() => import('./request/newpasskey').then((m) => m.NewPasskey), says('more'));
const oneTime = lazy<OneTimeProps>(() => import('./request/onetime').then((m) => m.OneTime), says('more'));
const stranger = lazy<StrangerProps>(() => import('./request/stranger').then((m) => m.Stranger), says('account', 'proofs'));

// What follows on the passkey: on its way once that is asked for.
const waiting = lazy<WaitingProps>(() => import('./request/waiting').then((m) => m.Waiting), says('after'));
const setPassword = lazy<SetPasswordProps>(() => import('./request/password').then((m) => m.SetPassword), says('after'));
const done = lazy<DoneProps>(() => import('./request/done').then((m) => m.Done), says('after'));

/** How often a request that moves by itself is read again. */
const POLL_MS = 2000;

export function RequestScreen({ params }: { params: Record<string, string> }) {
  const resource = useResource<Request>(`/api/requests/${encodeURIComponent(params.id ?? '')}`);
  const { data: request, problem, reload } = resource;
  const moving = request?.state === 'executing' || request?.state === 'unknown' || (request?.state === 'approved' && request.kind === 'unlock');
  useLive(params.id ?? '', resource.reread);
  useEffect(() => {
    if (!moving) return;
    const timer = setInterval(() => document.visibilityState === 'visible' && resource.reread(), POLL_MS);
    return () => clearInterval(timer);
  }, [moving, resource.reread]);
  const shown = useRef<Request | null>(null);
  const here = request !== null;
  useEffect(() => (here ? later(() => [done, setPassword, waiting].forEach((next) => next.warm())) : undefined), [here]);
  if (!request) return problem ? <Failed problem={problem} retry={() => void reload()} /> : <Skeleton />;
  shown.current = onScreen(request, shown.current);
  return <ByState request={shown.current} resource={resource} />;
}

function ByState({ request, resource }: { request: Request; resource: Resource<Request> }) {
  if (isStrange(request)) return <stranger.Screen request={request} onRequest={resource.set} />;
  const typed = request.kind === 'reset' || request.kind === 'change';
  switch (request.state) {
    case 'draft':
      return <Prove request={request} onDone={resource.set} />;
    case 'approved':
      if (request.needs.length > 0) return <Prove request={request} onDone={resource.set} />;
      if (request.kind === 'enrol') return <newPasskey.Screen request={request} onRequest={resource.set} />;
      if (typed) return <setPassword.Screen request={request} onRequest={resource.set} />;
      if (request.kind === 'one-time') return <oneTime.Screen request={request} onRequest={resource.set} />;
      return <Ended request={request} name="wait" tone="wait" which="executing" />;
    case 'executing':
      return <Ended request={request} name="wait" tone="wait" which="executing" />;
    case 'done':
      if (request.kind === 'one-time' && request.unseen) return <oneTime.Screen request={request} onRequest={resource.set} />;
      return <done.Screen request={request} reload={resource.reload} />;
    case 'unknown':
      return <Ended request={request} name="wait" tone="wait" which="unknown" />;
    case 'pending':
      if (request.review) return <waiting.Screen request={request} review={request.review} stale={resource.problem !== null} onRequest={resource.set} />;
      return <Ended request={request} name="wait" tone="info" which="pending" />;
    default:
      if (request.review) return <Reviewed request={request} />;
      if (request.state === 'cancelled') return <Ended request={request} name="info" tone="info" which="cancelled" />;
      return <Ended request={request} name="stop" tone="stop" which={request.state} />;
  }
}

interface EndedProps {
  request: Request;
  name: IconName;
  tone: Tone;
  which: 'failed' | 'denied' | 'expired' | 'cancelled' | 'pending' | 'unknown' | 'executing';
}

/** Where a review ended it, or might have. */
function Reviewed({ request }: { request: Request }) {
  const said = ending(request, soleName(useAsked(request.id)));
  const act = useAct();
  if (!said) return request.state === 'cancelled' ? <Ended request={request} name="info" tone="info" which="cancelled" /> : <Ended request={request} name="stop" tone="stop" which={request.state as 'failed'} />;
  return (
    <Screen title={said.title} up="/account" kind="plain" key="reviewed">
      <div class={`sign ${said.tone}`}>
        <Icon name={said.tone === 'wait' ? 'wait' : 'stop'} />
      </div>
      <p class="lead" role="status">
        {said.lead}
      </p>
      {said.words && (
        <figure class="quoted">
          <figcaption class="hint">{t('end.words')}</figcaption>
          <blockquote class="why">{said.words}</blockquote>
        </figure>
      )}
      {said.todo && <p>{said.todo}</p>}
      <Trouble problem={act.problem} quiet />
      <Next again={said.again ? t('end.ask') : ''} kind={request.kind} act={act} />
      <Support />
    </Screen>
  );
}

/** Once more, or back to the account. */
function Next({ again, kind, act }: { again: string; kind: Request['kind']; act: Act }) {
  const close = () => {
    void refresh();
    go('/account', { replace: true });
  };
  return (
    <div class="dock">
      {again && (
        <Button busy={act.busy} onClick={() => void act.run(() => askFor(kind, { replace: true }))}>
          {again}
        </Button>
      )}
      <Button weight={again ? 'second' : 'primary'} onClick={close}>
        {t('end.account')}
      </Button>
    </div>
  );
}

/** Where nothing is left to do on this request. */
function Ended({ request, name, tone, which }: EndedProps) {
  const act = useAct();
  const over = which !== 'pending' && which !== 'unknown' && which !== 'executing';
  const problem = request.code ? { type: '', title: '', status: 0, code: request.code, params: request.params, instance: request.id } : null;
  const told = useTold(problem?.code ?? '');
  const [what, todo] = problem && told && !problem.code.startsWith('request.') ? explain(problem) : ['', '']; // the title says those
  const sub = t(`end.${which}.sub`);
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
      <Trouble problem={act.problem} quiet />
      <Next again={which === 'expired' || which === 'failed' ? t('end.again') : ''} kind={request.kind} act={act} />
      {tone === 'stop' && problem && <Details problem={problem} />}
      {tone === 'stop' && <Support />}
    </Screen>
  );
}
