// Set password: the rules before the typing, ticked while typing, and one act
// that can be pressed when it can succeed.
import { useState } from 'preact/hooks';
import type { Executed, PasswordRules, Problem, Request } from '../../api-types';
import { t, tn } from '../../i18n';
import { useAct } from '../../lib/act';
import { ApiError, asProblem, get, post } from '../../lib/api';
import { days, moment } from '../../lib/format';
import { useResource } from '../../lib/resource';
import { go } from '../../lib/router';
import { refresh, session } from '../../lib/session';
import { Support, Trouble } from '../../ui/help';
import { Banner, Button, Field, Screen, Sheet, Skeleton } from '../../ui/kit';
import { Failed } from '../trouble';
import { Approved } from './approved';
import { RuleList, Strength } from './rules';
import { useCheck, verdict } from './check';

export interface SetPasswordProps {
  request: Request;
  onRequest: (r: Request) => void;
}

export function SetPassword({ request, onRequest }: SetPasswordProps) {
  const rules = useResource<PasswordRules>('/api/password-rules');
  if (!rules.data) return rules.problem ? <Failed problem={rules.problem} retry={() => void rules.reload()} /> : <Skeleton />;
  if (request.kind === 'change' && Date.parse(rules.data.change_from) > Date.now()) return <TooYoung rules={rules.data} request={request} />;
  if (request.kind === 'change' && rules.data.change_tries_left === 0) return <NoTries request={request} />;
  return <Form request={request} onRequest={onRequest} rules={rules.data} reloadRules={rules.reload} />;
}

function Form({ request, onRequest, rules, reloadRules }: SetPasswordProps & { rules: PasswordRules; reloadRules: () => Promise<void> }) {
  const change = request.kind === 'change';
  const [value, setValue] = useState('');
  const [old, setOld] = useState('');
  const [refused, setRefused] = useState('');
  const [leaving, setLeaving] = useState(false);
  const act = useAct();
  const { me } = session.use();
  const check = useCheck(request.id, value, rules);
  const why = verdict({ value, old: change ? old : null, rules, check, refused });
  const aboutOld = act.problem?.code.startsWith('password.old-') ?? false;
  const locked = me?.account.state.includes('locked');
  const path = `/api/requests/${encodeURIComponent(request.id)}`;

  const send = () =>
    act.run(async () => {
      try {
        const done = await post<Executed>(`${path}/execute`, change ? { password: value, old } : { password: value });
        setValue('');
        setOld('');
        onRequest(done.request);
        void refresh();
      } catch (e) {
        await settle(e, path, onRequest);
        const { code } = asProblem(e);
        if (aboutNew(code)) setRefused(value);
        if (code === 'password.old-wrong') {
          setOld('');
          void reloadRules();
        }
        throw e;
      }
    });

  return (
    <Screen title={t(change ? 'pw.title.change' : 'pw.title.reset')} up="/account" kind="form">
      <p class="lead">{t(change ? 'pw.lead.change' : locked ? 'pw.lead.reset.locked' : 'pw.lead.reset')}</p>
      <Approved request={request} />
      <form
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          if (!why && !act.busy) void send();
        }}
      >
        <input class="hidden" type="text" name="username" autocomplete="username" value={me?.account.name ?? ''} readOnly tabIndex={-1} aria-hidden="true" />
        {change && <Field name="old" label={t('pw.old')} hint={triesHint(rules)} value={old} onInput={setOld} autocomplete="current-password" secret invalid={act.problem?.code === 'password.old-wrong'} />}
        {aboutOld && <Refused problem={act.problem} request={request} />}
        <Field name="new" label={t('pw.new')} value={value} onInput={(v) => (setValue(v), act.clear())} autocomplete="new-password" secret describedBy="pw-rules" invalid={aboutNew(act.problem?.code ?? '')} />
        {!aboutOld && <Refused problem={act.problem} request={request} />}
        <Strength value={value} check={check} rules={rules} />
        <RuleList id="pw-rules" value={value} check={check} rules={rules} kind={request.kind} />
        <Button type="submit" busy={act.busy} doing={t('wait.writing')} why={why}>
          {t(change ? 'pw.go.change' : 'pw.go.reset')}
        </Button>
      </form>
      <p class="hint">{request.deadline && !request.review && t('pw.open', { time: moment(request.deadline) })}</p>
      <Button weight="quiet" onClick={() => setLeaving(true)}>
        {t('pw.cancel')}
      </Button>
      {act.problem && <Support />}
      {leaving && <Leave path={path} onStay={() => setLeaving(false)} />}
    </Screen>
  );
}

/** Refusals of the new value; it has to be another one then. */
const ofNew = ['refused', 'too-short', 'complexity', 'history', 'malformed', 'rules'];
const aboutNew = (code: string) => ofNew.some((c) => code === `password.${c}`);

const triesHint = (rules: PasswordRules) => (rules.change_tries_left > 0 && rules.change_tries_left < 4 ? tn('pw.old.left', rules.change_tries_left) : undefined);

/** After a failed write the request's state decides what is shown. */
async function settle(e: unknown, path: string, onRequest: (r: Request) => void): Promise<void> {
  if (e instanceof ApiError && e.problem.status === 401) return;
  const now = await get<Request>(path).catch(() => null);
  if (now) onRequest(now);
}

/** What the directory said to the last try, and how many are left. */
function Refused({ problem, request }: { problem: Problem | null; request: Request }) {
  if (!problem) return null;
  return (
    <Trouble problem={problem} quiet>
      {problem.code.startsWith('password.') && request.triesLeft > 0 && <p class="note">{tn('pw.tries', request.triesLeft)}</p>}
    </Trouble>
  );
}

function Leave({ path, onStay }: { path: string; onStay: () => void }) {
  const act = useAct();
  const leave = () =>
    act.run(async () => {
      await post(`${path}/cancel`);
      void refresh();
      go('/account', { replace: true });
    });
  return (
    <Sheet title={t('pw.cancel.title')} onClose={onStay}>
      <p>{t('pw.cancel.sub')}</p>
      <Trouble problem={act.problem} />
      <div class="pair">
        <Button weight="second" busy={act.busy} onClick={() => void leave()}>
          {t('app.leave')}
        </Button>
        <Button onClick={onStay}>{t('pw.cancel.keep')}</Button>
      </div>
    </Sheet>
  );
}

function TooYoung({ rules, request }: { rules: PasswordRules; request: Request }) {
  return (
    <Instead request={request} title={t('pw.young.title', { when: moment(rules.change_from) })}>
      {t('pw.young', { n: days(Math.max(1, rules.min_age_days)) })}
    </Instead>
  );
}

function NoTries({ request }: { request: Request }) {
  return (
    <Instead request={request} title={t('pw.old.none.title')}>
      {t('pw.old.none')}
    </Instead>
  );
}

/** Changing is closed; a reset may be open. */
function Instead({ title, children, request }: { title: string; children: string; request: Request }) {
  const { me } = session.use();
  const act = useAct();
  const reset = me?.options.some((o) => o.kind === 'reset' && o.allowed);
  const cancel = () => post(`/api/requests/${encodeURIComponent(request.id)}/cancel`).catch(() => undefined); // it would expire by itself
  const leave = () =>
    act.run(async () => {
      await cancel();
      void refresh();
      go('/account', { replace: true });
    });
  const instead = () =>
    act.run(async () => {
      await cancel();
      const next = await post<Request>('/api/requests', { kind: 'reset' });
      go(`/request/${next.id}`, { replace: true });
    });
  return (
    <Screen title={t('pw.title.change')} up="/account" kind="plain">
      <Banner tone="wait" title={title} quiet>
        <p>{children}</p>
      </Banner>
      <Trouble problem={act.problem} />
      <div class="dock">
        {reset && (
          <Button busy={act.busy} onClick={() => void instead()}>
            {t('k.reset')}
          </Button>
        )}
        <Button weight={reset ? 'second' : 'primary'} onClick={() => void leave()}>
          {t('end.account')}
        </Button>
      </div>
    </Screen>
  );
}
