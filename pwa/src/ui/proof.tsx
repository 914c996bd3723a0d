// What the proofs' forms have: one of a few, and a code.
import { useId } from 'preact/hooks';
import type { ProofKind } from '../api-types';
import { isSent, regroup, regroupDigits } from '../lib/codes';

interface PicksProps {
  legend: string;
  name: string;
  /** Value, text and a second line of each. */
  picks: [string, string, string][];
  value: string;
  onPick: (value: string) => void;
}

/** Exactly one of a few. */
export function Picks({ legend, name, picks, value, onPick }: PicksProps) {
  return (
    <fieldset class="picks">
      <legend>{legend}</legend>
      <div class="rows">
        {picks.map(([one, text, sub]) => (
          <label class="row pick" key={one}>
            <input type="radio" name={name} value={one} checked={value === one} onChange={() => onPick(one)} />
            <span class="row-text">
              <span class="row-title">{text}</span>
              {sub && <span class="row-sub">{sub}</span>}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

interface CodeProps {
  kind: ProofKind;
  label: string;
  hint?: string;
  value: string;
  invalid?: boolean;
  onInput: (value: string) => void;
}

/** A code: one that comes in groups falls into them as it is typed; all but recovery codes are digits. */
export function CodeField({ kind, label, hint, value, invalid, onInput }: CodeProps) {
  const id = useId();
  const letters = kind === 'recovery-code';
  const inGroups = letters ? regroup : isSent(kind) ? regroupDigits : null;
  const typed = (input: HTMLInputElement, composing: boolean) => {
    if (inGroups && !composing) {
      const { text, caret } = inGroups(input.value, input.selectionStart ?? input.value.length);
      if (text !== input.value) {
        input.value = text;
        input.setSelectionRange(caret, caret);
      }
    }
    onInput(input.value);
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class={invalid ? 'input is-invalid' : 'input'}>
        <input
          id={id}
          name={kind}
          class={letters ? 'code' : 'code digits-only'}
          type="text"
          inputMode={letters ? 'text' : 'numeric'}
          autocomplete={letters ? 'off' : 'one-time-code'}
          autocapitalize={letters ? 'characters' : 'none'}
          spellcheck={false}
          maxLength={letters ? 40 : 16}
          value={value}
          aria-invalid={invalid}
          aria-describedby={hint ? `${id}-h` : undefined}
          onInput={(e) => typed(e.currentTarget, e.isComposing)}
          onBlur={(e) => typed(e.currentTarget, false)}
        />
      </div>
      {hint && (
        <p class="hint" id={`${id}-h`}>
          {hint}
        </p>
      )}
    </div>
  );
}
