// What a request needs beside the passkey, in one form: codes that are sent first, a
// PIN, answers. It counts for this request only.
import { useEffect, useState } from 'preact/hooks';
import type { Ask, Problem, ProofKind, Request } from '../../api-types';
import { t } from '../../i18n';
import { useAct } from '../../lib/act';
import { post } from '../../lib/api';
import { wrongCode } from '../../lib/codes';
import { noted, note } from '../../lib/router';
import { refresh } from '../../lib/session';
import { Point } from '../../ui/form';
import { Fields, given, kindsSent, missing, Sending, sentAt, type Values } from '../../ui/given';
import { grave, Support, Trouble } from '../../ui/help';
import { Banner, Button, Row, Rows, Screen, Skeleton } from '../../ui/kit';
import { Wrong } from '../proofs/parts';
import { iconOf } from '../recover/codes';
import { readQuestions } from '../recover/draft';
import { Failed } from '../trouble';
import { WayRows } from './otherways';
import type { AnswersProps } from './prove';
import { isBlocked, readPicked } from './ways';

/** What was asked and sent, and when. */
interface Asked extends Ask {
  kinds: string;
  at: number;
}

/** A reload neither sends again nor loses what was asked. */
function notedAsk(kinds: ProofKind[]): Asked | null {
  const found = noted<Partial<Asked>>();
  if (found?.kinds !== kinds.join() || typeof found.token !== 'string' || typeof found.at !== 'number') return null;
  return { kinds: found.kinds, token: found.token, at: found.at, sent: found.sent ?? {}, questions: readQuestions(found.questions) };
}

const nothing: Asked = { kinds: '', token: '', sent: {}, questions: [], at: 0 };

export function Answers({ request, kinds, lacks, rest, onDone, onPick, onOther, onKey }: AnswersProps) {
  const codes = kindsSent(kinds);
  const mustAsk = codes.length > 0 || kinds.includes('questions');
  const [asked, setAsked] = useState(() => (mustAsk ? notedAsk(kinds) : nothing));
  const [values, setValues] = useState<Values>({});
  const [late, setLate] = useState(false);
  const asking = useAct();
  const act = useAct();
  const ask = () =>
    asking.run(async () => {
      act.clear();
      setLate(false);
      const answer = await post<Ask>(`/api/requests/${encodeURIComponent(request.id)}/ask`, { kinds: kinds.filter((kind) => kind === 'questions' || codes.some((code) => code === kind)) });
      const fresh = { ...answer, questions: readQuestions(answer.questions), kinds: kinds.join(), at: Date.now() };
      note({ ...fresh, picked: readPicked(noted()) });
      setAsked(fresh);
    });
  useEffect(() => {
    if (!asked && codes.length === 0) void ask(); // nothing goes out for it
  }, []);
  const finish = () =>
    act.run(async () => {
      try {
        const next = await post<Request>(`/api/requests/${encodeURIComponent(request.id)}/answers`, { token: asked?.token ?? '', proofs: given(kinds, values, asked?.questions ?? []) });
        note(null);
        onDone(next);
        void refresh();
      } catch (e) {
        if (mustAsk && codeOf(e) === 'ceremony.unknown') {
          note(null);
          setAsked(null);
          setValues({});
          setLate(true);
          if (codes.length === 0) void ask();
          return;
        }
        throw e;
      }
    });
  const problem = asking.problem ?? act.problem;
  const stuck = isBlocked(problem?.code) && rest.length > 0;
  if (!asked && codes.length === 0) return problem ? <Failed problem={problem} retry={() => void ask()} /> : <Skeleton />;
  const why = !asked ? '' : asking.busy ? t('sent.doing') : missing(kinds, values, asked.questions);
  return (
    <Screen title={t(`prove.title.${request.kind}`)} up="/account" kind={asked ? 'plain set-up' : 'plain'} key={asked ? 'form' : 'ask'}>
      <p class="lead">{t(asked ? 'pv.lead' : onKey ? 'pv.lead.ask' : 'pv.lead.send')}</p>
      {late && (
        <Banner tone="wait" title={t('rec.late')}>
          <p>{t(codes.length > 0 ? 'rec.late.code' : 'rec.late.questions')}</p>
        </Banner>
      )}
      {!asked && !stuck && (
        <ul class="notes">
          {kinds.map((kind) => (
            <Point key={kind} icon={iconOf[kind]} title={t(`rv.proof.${kind}`)} text={t(`pv.${kind}.sub`)} />
          ))}
        </ul>
      )}
      <form
        class="decide"
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          if (!asked) void ask();
          else if (!why && !act.busy) void finish();
        }}
      >
        {asked && (
          <Fields
            kinds={kinds}
            questions={asked.questions}
            values={values}
            invalid={wrongCode(act.problem)}
            onInput={(key, value) => {
              setValues((all) => ({ ...all, [key]: value }));
              act.clear();
            }}
            sending={(kind) => <Sending at={asked.at} said={t('sent.to', { address: asked.sent[kind] ?? '', time: sentAt(asked.at) })} busy={asking.busy} onAgain={() => void ask()} />}
          />
        )}
        <Said problem={problem ?? lacking(lacks)} />
        {stuck && <WayRows ways={rest} title={t('way.title')} onPick={onPick} />}
        <div class="dock">
          <p class="hint">{onKey && !stuck && t('pv.key.then')}</p>
          <Button type="submit" weight={stuck ? 'second' : 'primary'} busy={asked ? act.busy : asking.busy} doing={t(asked ? 'rec.go.doing' : 'sent.doing')} why={why}>
            {t(asked ? 'rec.go' : stuck ? 'app.again' : codes.length === 1 ? 'rec.send' : 'rec.send.all')}
          </Button>
          {onKey && !stuck && (
            <Button weight="quiet" icon="key" onClick={onKey}>
              {t('pv.key')}
            </Button>
          )}
          {onOther && !stuck && (
            <Button weight="quiet" onClick={onOther}>
              {t('prove.other')}
            </Button>
          )}
        </div>
      </form>
      {grave(problem) && !wrongCode(problem) && !stuck && <Support />}
    </Screen>
  );
}

/** What is known before anything is typed or sent. */
const lacking = (lacks: string[]): Problem | null =>
  lacks.length > 0 ? { type: '', title: '', status: 409, code: lacks.every((kind) => kind === 'mail-code' || kind === 'sms-code') ? 'proof.no-address' : 'proof.not-held' } : null;

const codeOf = (e: unknown) => (e as { problem?: { code?: string } }).problem?.code;

/** Where they hold none of it the way leads to where it is set up. */
function Said({ problem }: { problem: Parameters<typeof Trouble>[0]['problem'] }) {
  if (problem?.code === 'proof.wrong')
    return (
      <Wrong problem={problem} title={t('pv.wrong')}>
        {t('pv.wrong.sub')}
      </Wrong>
    );
  if (problem?.code === 'proof.not-held' || problem?.code === 'proof.no-address')
    return (
      <>
        <Wrong problem={problem} title={t(problem.code === 'proof.no-address' ? 'pv.no-address' : 'pv.not-held')}>
          {t('pv.set-up.sub')}
        </Wrong>
        <Rows>
          <Row icon="user" href="/proofs" title={t('nav.proofs')} sub={t('pv.set-up')} />
        </Rows>
      </>
    );
  return <Trouble problem={problem} quiet />;
}
