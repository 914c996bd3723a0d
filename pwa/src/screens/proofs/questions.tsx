// Questions of the organisation's list: some are chosen and answered. They are the
// weakest proof, and the screen says so.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Problem, Proofs, Question } from '../../api-types';
import { lang, t, tn } from '../../i18n';
import { post } from '../../lib/api';
import { Trouble } from '../../ui/help';
import { Banner, Button, Fact, Field, Screen } from '../../ui/kit';
import type { PartProps } from '../proofs';
import { HeldFacts, Removable, TouchForm, useTouch } from './parts';

export function Questions(props: PartProps) {
  const [changing, setChanging] = useState(false);
  const { held, stale, offered, created, lastUsed, answer, ask } = props.proofs.questions;
  const kept = held || stale;
  if (!kept || changing) return <Choose {...props} onUp={kept ? () => setChanging(false) : () => props.onBack()} />;
  return (
    <Screen title={t('qu.title')} up={() => props.onBack()} key="held">
      <p class="lead">{stale && offered ? t('qu.stale') : t('qu.held.lead', { ask })}</p>
      <HeldFacts offered={offered} created={created} lastUsed={lastUsed}>
        {held && <Fact name={t('qu.answered')}>{answer}</Fact>}
      </HeldFacts>
      {offered && (
        <Button weight={stale ? 'primary' : 'second'} onClick={() => setChanging(true)}>
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

type Answers = Record<string, string>;

/** Why they can't be kept yet; '' when they can. */
export function answersLack(answers: Answers, list: Question[]): string {
  const open = list.filter((q) => !answers[q.id]?.trim()).length;
  return open > 0 ? tn('qu.why.answer', open) : '';
}

function Choose({ proofs, onProofs, onBack, onUp }: PartProps & { onUp: () => void }) {
  const { ask, list, held, stale } = proofs.questions;
  const [answers, setAnswers] = useState<Answers>({});
  const touch = useTouch('questions');
  const { problem } = touch;
  const why = answersLack(answers, list);
  const about = problem?.code.startsWith('proof.answer') ? (problem.params?.id ?? '') : '';
  const keep = () =>
    touch.run(async (proof) => {
      const given = list.map((q) => ({ id: q.id, value: (answers[q.id] ?? '').trim() }));
      onProofs(await post<Proofs>('/api/proofs/questions', { proof, answers: given }));
      onBack(t('qu.done.note'));
    });
  return (
    <TouchForm
      title={t(held || stale ? 'qu.change' : 'qu.title')}
      up={onUp}
      kind="plain choose"
      lead={t('qu.lead', { n: list.length, ask })}
      above={
        <Banner tone="wait" icon="stop" title={t('qu.weak')} quiet>
          <p>{t('qu.weak.sub')}</p>
        </Banner>
      }
      touch={touch}
      why={why}
      label={t('qu.go')}
      doing={t('wait.passkey')}
      mended={about !== ''}
      said={about !== ''}
      onSubmit={keep}
    >
      {list.map((q) => (
        <One
          key={q.id}
          question={q}
          answer={answers[q.id] ?? ''}
          problem={about === q.id ? problem : null}
          onAnswer={(v) => {
            setAnswers({ ...answers, [q.id]: v });
            if (about === q.id) touch.clear();
          }}
        />
      ))}
    </TouchForm>
  );
}

interface OneProps {
  question: Question;
  answer: string;
  problem: Problem | null;
  onAnswer: (value: string) => void;
}

function One({ question, answer, problem, onAnswer }: OneProps) {
  const row = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (problem) row.current?.scrollIntoView({ block: 'center' });
  }, [problem]);
  return (
    <div class="question" ref={row}>
      <Field name={`answer-${question.id}`} label={question[lang.get()]} value={answer} onInput={onAnswer} autocomplete="off" maxLength={120} invalid={problem !== null} />
      <Trouble problem={problem} quiet />
    </div>
  );
}
