// The fields of what proves who somebody is, beside a passkey: several kinds in one
// form. What is typed is nowhere but on the screen.
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import type { Given, ProofKind, Question, SentKind } from '../api-types';
import { lang, t } from '../i18n';
import { bare, isSent, lacks } from '../lib/codes';
import { clock, inSeconds } from '../lib/format';
import { useLeft } from '../lib/now';
import { info } from '../lib/session';
import { Field } from './kit';
import { CodeField } from './proof';

/** By kind; an answer by its question. */
export type Values = Record<string, string>;
export const answerKey = (q: Question) => `questions.${q.id}`;

/** The directory attribute's name; as it stands within a sentence where inside is true. */
export function attributeName(inside = false): string {
  const name = info.get().attribute?.[lang.get()] ?? t('rec.attribute');
  // "employee number", but "ID" stays, and so does every German noun.
  return inside && lang.get() === 'en' && !/^.\p{Lu}/u.test(name) ? name.charAt(0).toLowerCase() + name.slice(1) : name;
}

/** Why it can't be sent yet; '' when it can. */
export function missing(kinds: ProofKind[], values: Values, questions: Question[] = []): string {
  for (const kind of kinds) {
    const typed = values[kind] ?? '';
    if (kind === 'questions') {
      if (questions.some((q) => !values[answerKey(q)]?.trim())) return t('rec.go.why.questions');
      continue;
    }
    const n = lacks(kind, typed);
    if (n === 0) continue;
    if (kind === 'recovery-code' && !typed) return t('rec.go.why.recovery-code.none');
    if (kind === 'recovery-code' && n < 0) return t('rec.go.why.recovery-code.long');
    return t(`rec.go.why.${kind}`, { n, attribute: attributeName(true) });
  }
  return '';
}

/** As it is sent. */
export const given = (kinds: ProofKind[], values: Values, questions: Question[]): Given[] =>
  kinds.map((kind) => (kind === 'questions' ? { kind, value: '', answers: questions.map((q) => (values[answerKey(q)] ?? '').trim()) } : { kind, value: bare(kind, values[kind] ?? '') }));

interface FieldsProps {
  kinds: ProofKind[];
  questions: Question[];
  values: Values;
  invalid: boolean;
  /** Whose current password it is, for what keeps passwords. */
  username?: string;
  onInput: (key: string, value: string) => void;
  /** What stands below the field of a code that is sent; null hides the field. */
  sending: (kind: SentKind) => ComponentChildren;
}

export function Fields({ kinds, questions, values, invalid, username, onInput, sending }: FieldsProps) {
  return (
    <>
      {kinds.map((kind) => {
        const value = values[kind] ?? '';
        const input = (v: string) => onInput(kind, v);
        const label = t(`rec.code.${kind}`, { attribute: attributeName() });
        const hint = t(`rec.code.${kind}.sub`);
        switch (kind) {
          case 'questions':
            return <Answers key={kind} questions={questions} values={values} invalid={invalid} onInput={onInput} />;
          case 'pin':
            return <Field key={kind} name="pin" label={label} hint={hint} value={value} onInput={input} autocomplete="off" secret inputMode="numeric" maxLength={24} invalid={invalid} />;
          case 'directory':
            return <Field key={kind} name="directory" label={label} hint={hint} value={value} onInput={input} autocomplete="off" maxLength={256} invalid={invalid} />;
          case 'password':
            return (
              <div key={kind}>
                <input class="hidden" type="text" name="username" autocomplete="username" value={username ?? ''} readOnly tabIndex={-1} aria-hidden="true" />
                <Field name="password" label={label} hint={hint} value={value} onInput={input} autocomplete="current-password" secret maxLength={256} invalid={invalid} />
              </div>
            );
          case 'mail-code':
          case 'sms-code': {
            const below = sending(kind);
            return (
              below && (
                <div class="sent-code" key={kind}>
                  <CodeField kind={kind} label={label} hint={hint} value={value} invalid={invalid} onInput={input} />
                  {below}
                </div>
              )
            );
          }
          default:
            return (
              <div key={kind}>
                <CodeField kind={kind} label={label} hint={hint} value={value} invalid={invalid} onInput={input} />
              </div>
            );
        }
      })}
    </>
  );
}

function Answers({ questions, values, invalid, onInput }: Pick<FieldsProps, 'questions' | 'values' | 'invalid' | 'onInput'>) {
  const id = useId();
  return (
    <fieldset class="answers" aria-describedby={id}>
      <legend>{t('rec.code.questions')}</legend>
      <p class="hint" id={id}>
        {t('rec.code.questions.sub')}
      </p>
      {questions.map((q) => (
        <Field key={q.id} name={answerKey(q)} label={q[lang.get()]} value={values[answerKey(q)] ?? ''} onInput={(v) => onInput(answerKey(q), v)} autocomplete="off" maxLength={120} invalid={invalid} />
      ))}
    </fieldset>
  );
}

/** Another code may be sent so long after the last. */
const AGAIN_MS = 30_000;

interface SendingProps {
  /** When the last one was sent, in ms since 1970. */
  at: number;
  said: string;
  busy: boolean;
  onAgain: () => void;
}

/** That a code is on its way, and another one when it doesn't come. */
export function Sending({ at, said, busy, onAgain }: SendingProps) {
  const wait = useLeft(at + AGAIN_MS);
  return (
    <div class="sending">
      <p class="hint" role="status">
        {busy ? t('sent.doing') : said}
      </p>
      {!busy && at > 0 && (
        <button type="button" class="link" aria-disabled={wait > 0} onClick={() => wait === 0 && onAgain()}>
          {wait > 0 ? t('sent.wait', { in: inSeconds(wait) }) : t('sent.again')}
        </button>
      )}
    </div>
  );
}

/** When it was sent, as it is said. */
export const sentAt = (at: number) => clock(new Date(at).toISOString());

export const kindsSent = (kinds: ProofKind[]) => kinds.filter(isSent);
