// A reason: chips for the likely ones, and a few own words; and points to read.
import { useId } from 'preact/hooks';
import { Icon, type IconName } from './icons';

interface ChipsProps {
  legend: string;
  /** Stands over the chips already, as a sheet's title. */
  said?: boolean;
  hint?: string;
  /** Value and text of each. */
  chips: [string, string][];
  value: string;
  onPick: (value: string) => void;
}

/** One of a few, or none: a second tap takes it back. */
export function Chips({ legend, said, hint, chips, value, onPick }: ChipsProps) {
  const id = useId();
  return (
    <fieldset class="chips" aria-describedby={hint ? id : undefined}>
      <legend class={said ? 'hidden' : undefined}>{legend}</legend>
      {hint && (
        <p class="hint" id={id}>
          {hint}
        </p>
      )}
      <div>
        {chips.map(([one, text]) => (
          <button type="button" key={one} class="choice" aria-pressed={value === one} onClick={() => onPick(value === one ? '' : one)}>
            {text}
          </button>
        ))}
      </div>
    </fieldset>
  );
}

interface AreaProps {
  label: string;
  hint?: string;
  value: string;
  max: number;
  onInput: (value: string) => void;
}

/** A few lines of text. */
export function Area({ label, hint, value, max, onInput }: AreaProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="input">
        <textarea id={id} rows={2} maxLength={max} value={value} autocomplete="off" aria-describedby={hint ? `${id}-h` : undefined} onInput={(e) => onInput(e.currentTarget.value)} />
      </div>
      {hint && (
        <p class="hint" id={`${id}-h`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** Something to know: a title and a line. */
export function Point({ icon, title, text }: { icon: IconName; title: string; text: string }) {
  return (
    <li>
      <Icon name={icon} />
      <div>
        <p class="row-title">{title}</p>
        <p class="row-sub">{text}</p>
      </div>
    </li>
  );
}
