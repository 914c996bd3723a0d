// Questions of the organisation's list: some are chosen and answered. They are the
// weakest proof, and the screen says so.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Problem, Proofs, Question } from '../../api-types';
import { lang, t, tn } from '../../i18n';
import { post } from '../../lib/api';
import { grave, Support, Trouble } from '../../ui/help';
import { Banner, Button, Fact, Field, Screen } from '../../ui/kit';
import type { PartProps } from '../proofs';
import { HeldFacts, Removable, useTouch } from './parts';

export function Questions(props: PartProps) {
  const [changing, setChanging] = useState(false);
  const { held, offered, created, lastUsed, answer, ask } = props.proofs.questions;
  if (!held || changing) return <Choose {...props} onUp={held ? () => setChanging(false) : () => props.onBack()} />;
  return (
    <Screen title={t('qu.title')} up={() => props.onBack()} key="held">
      <p class="lead">{t('qu.held.lead', { ask })}</p>
      <HeldFacts offered={offered} created={created} lastUsed={lastUsed}>
        <Fact name={t('qu.answered')}>{answer}</Fact>
      </HeldFacts>
      {offered && (
        <Button weight="second" onClick={() => setChanging(true)}>
          {t('qu.change')}
        </Button>
      )}
      <Removable
        kind="questions"
        label={t('qu.remove')}
        title={t('qu.remove.title')}
        sub={t('qu.remove.sub')}
        onRemoved={(now) => {
          props.onProofs(now);
          props.onBack(t('qu.removed'));
        }}
      />
    </Screen>
  );
}

type Answers = Record<string, string>; // of those that are chosen

/** Why they can't be kept yet; '' when they can. */
export function answersLack(answers: Answers, wanted: number): string {
  const all = Object.values(answers);
  if (all.length < wanted) return tn('qu.why.choose', wanted - all.length);
  const open = all.filter((a) => !a.trim()).length;
  return open > 0 ? tn('qu.why.answer', open) : '';
}

function Choose({ proofs, onProofs, onBack, onUp }: PartProps & { onUp: () => void }) {
  const { answer: wanted, ask, list, held } = proofs.questions;
  const [answers, setAnswers] = useState<Answers>({});
  const touch = useTouch('questions');
  const { problem } = touch;
  const chosen = Object.keys(answers).length;
  const why = answersLack(answers, wanted);
  const about = problem?.code.startsWith('proof.answer') ? (problem.params?.id ?? '') : '';
  const keep = () =>
    touch.run(async (proof) => {
      const given = list.filter((q) => q.id in answers).map((q) => ({ id: q.id, value: (answers[q.id] ?? '').trim() }));
      onProofs(await post<Proofs>('/api/proofs/questions', { proof, answers: given }));
      onBack(t('qu.done.note'));
    });
  const pick = (id: string, on: boolean) => {
    const { [id]: _, ...rest } = answers;
    setAnswers(on ? { ...answers, [id]: '' } : rest);
    touch.clear();
  };
  return (
    <Screen title={t(held ? 'qu.change' : 'qu.title')} up={onUp} kind="plain choose" key="choose">
      <p class="lead">{t('qu.lead', { n: wanted, ask })}</p>
      <Banner tone="wait" icon="stop" title={t('qu.weak')} quiet>
        <p>{t('qu.weak.sub')}</p>
      </Banner>
      <form
        class="decide"
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          if (!why && !touch.busy) void keep();
        }}
      >
        <fieldset class="picks">
          <legend>{t('qu.choose', { n: wanted })}</legend>
          <ul class="rows">
            {list.map((q) => (
              <One
                key={q.id}
                question={q}
                answer={answers[q.id]}
                full={chosen >= wanted}
                problem={about === q.id ? problem : null}
                onPick={(on) => pick(q.id, on)}
                onAnswer={(v) => {
                  setAnswers({ ...answers, [q.id]: v });
                  if (about === q.id) touch.clear();
                }}
              />
            ))}
          </ul>
        </fieldset>
        {!about && <Trouble problem={problem} quiet />}
        <div class="dock">
          <p class="hint" role="status">
            {t('qu.count', { n: chosen, of: wanted })}
          </p>
          <Button type="submit" icon="key" busy={touch.busy} doing={t('wait.passkey')} why={why}>
            {t('qu.go')}
          </Button>
          {!why && <p class="hint">{t('prove.lead.short')}</p>}
        </div>
      </form>
      {!about && grave(problem) && <Support />}
    </Screen>
  );
}

interface OneProps {
  question: Question;
  /** undefined: not chosen. */
  answer: string | undefined;
  /** As many as are wanted are chosen. */
  full: boolean;
  problem: Problem | null;
  onPick: (on: boolean) => void;
  onAnswer: (value: string) => void;
}

/** A question, and the answer where it is chosen. */
function One({ question, answer, full, problem, onPick, onAnswer }: OneProps) {
  const on = answer !== undefined;
  const row = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (on) row.current?.querySelector<HTMLInputElement>('input:not([type=checkbox])')?.focus({ preventScroll: true });
  }, [on]);
  useEffect(() => {
    if (problem) row.current?.scrollIntoView({ block: 'center' });
  }, [problem]);
  const text = question[lang.get()];
  return (
    <li class="question" ref={row}>
      <label class="row pick">
        <input type="checkbox" checked={on} disabled={full && !on} onChange={(e) => onPick(e.currentTarget.checked)} />
        <span class="row-text">
          <span class="row-title">{text}</span>
        </span>
      </label>
      {on && (
        <div class="question-answer" role="group" aria-label={text}>
          <Field name={`answer-${question.id}`} label={t('qu.answer')} value={answer} onInput={onAnswer} autocomplete="off" maxLength={120} invalid={problem !== null} />
          <Trouble problem={problem} quiet />
        </div>
      )}
    </li>
  );
}
