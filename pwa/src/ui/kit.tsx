// One card, one row, one banner, one button in three weights: everything that
// looks the same is the same.
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { t } from '../i18n';
import { exact } from '../lib/format';
import { back } from '../lib/router';
import { useWaiting } from '../lib/sync';
import { Icon, type IconName } from './icons';

type Kids = { children?: ComponentChildren };

let first = true;
let shown = ''; // the address of the screen before

/** A screen: sets the title, takes the focus when it comes, offers the way back
 *  (up is an address, or a step inside the same one). */
export function Screen({ title, up, heading = true, kind, children }: Kids & { title: string; up?: string | (() => void); heading?: boolean; kind?: string }) {
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} – Latchkey`;
  }, [title]);
  useEffect(() => {
    const h = head.current;
    // A field of the screen may have it already: a slow device runs these in any order.
    if (!first && h && !h.parentElement?.contains(document.activeElement)) h.focus({ preventScroll: true });
    first = false;
    // Another step at the same address begins at its top; the way back is the browser's to restore.
    if (shown === location.pathname) scrollTo(0, 0);
    shown = location.pathname;
  }, []);
  return (
    <div class={kind ? `screen ${kind}` : 'screen'}>
      {up && (
        <button type="button" class="back" onClick={() => (typeof up === 'string' ? back(up) : up())}>
          <Icon name="back" />
          {t('app.back')}
        </button>
      )}
      <h1 ref={head} tabIndex={-1} class={heading ? 'title' : 'hidden'}>
        {title}
      </h1>
      {children}
    </div>
  );
}

interface ButtonProps extends Kids {
  weight?: 'primary' | 'second' | 'quiet' | 'danger';
  icon?: IconName;
  busy?: boolean;
  /** Why it can't be pressed; it stays focusable and says so. */
  why?: string;
  /** What is being done, after 400 ms. */
  doing?: string;
  /** What may be the matter, after 4 s. */
  slow?: string;
  type?: 'button' | 'submit';
  onClick?: () => void;
}

/** A button that says what it is doing, and why it can't. */
export function Button({ weight = 'primary', icon, busy = false, why = '', doing, slow, type = 'button', onClick, children }: ButtonProps) {
  const stage = useWaiting(busy);
  const id = useId();
  const press = (e: MouseEvent) => {
    if (busy || why) e.preventDefault();
    else onClick?.();
  };
  return (
    <div class="act">
      <button type={type} class={`button ${weight}`} aria-disabled={busy || !!why} aria-describedby={why ? id : undefined} data-busy={busy || undefined} onClick={press}>
        <span>
          {stage !== 'no' ? <span class="spin" aria-hidden="true" /> : icon && <Icon name={icon} />}
          {stage !== 'no' && doing ? doing : children}
        </span>
      </button>
      {why && (
        <p class="note" id={id}>
          {why}
        </p>
      )}
      <p class="note" role="status">
        {stage === 'slow' && (slow ?? t('wait.slow'))}
      </p>
    </div>
  );
}

export function Card({ title, children }: Kids & { title?: string }) {
  const id = useId();
  return (
    <section class="card" aria-labelledby={title ? id : undefined}>
      {title && (
        <h2 class="card-title" id={id}>
          {title}
        </h2>
      )}
      {children}
    </section>
  );
}

interface RowProps {
  icon?: IconName;
  title: ComponentChildren;
  sub?: ComponentChildren;
  end?: ComponentChildren;
  href?: string;
  onClick?: () => void;
  tone?: string;
  /** Acts at once and leads to no other screen. */
  acts?: boolean;
}

/** One row of a list: a link, a button, or plain. An arrow says that another screen follows. */
export function Row({ icon, title, sub, end, href, onClick, tone, acts }: RowProps) {
  const leads = href ? href.startsWith('/') : onClick && !acts;
  const inside = (
    <>
      {icon && (
        <span class={tone ? `row-icon ${tone}` : 'row-icon'}>
          <Icon name={icon} />
        </span>
      )}
      <span class="row-text">
        <span class="row-title">
          {title} {end}
        </span>
        {sub && <span class="row-sub">{sub}</span>}
      </span>
      {leads && <Icon name="next" />}
    </>
  );
  return (
    <li>
      {href ? (
        <a class="row" href={href}>
          {inside}
        </a>
      ) : onClick ? (
        <button type="button" class="row" onClick={onClick}>
          {inside}
        </button>
      ) : (
        <div class="row">{inside}</div>
      )}
    </li>
  );
}

export function Rows({ title, children }: Kids & { title?: string }) {
  const id = useId();
  return (
    <section class="group" aria-labelledby={title ? id : undefined}>
      {title && (
        <h2 class="group-title" id={id}>
          {title}
        </h2>
      )}
      <ul class="rows">{children}</ul>
    </section>
  );
}

/** A pair of a name and a value. */
export function Fact({ name, children }: Kids & { name: string }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

const signs: Record<string, IconName> = { stop: 'stop', wait: 'wait', good: 'check', info: 'info' };

export type Tone = 'stop' | 'wait' | 'good' | 'info';

/** A message in the flow. Stop speaks at once, the rest when there is a pause. */
export function Banner({ tone, icon, title, children, quiet }: Kids & { tone: Tone; icon?: IconName; title?: string; quiet?: boolean }) {
  return (
    <div class={`banner ${tone}`} role={quiet ? undefined : tone === 'stop' ? 'alert' : 'status'}>
      <Icon name={icon ?? signs[tone] ?? 'info'} />
      <div>
        {title && <p class="banner-title">{title}</p>}
        {children}
      </div>
    </div>
  );
}

/** A time as people say it, with the exact one in its title. */
export function Time({ at, text }: { at: string; text: string }) {
  return (
    <time dateTime={at} title={exact(at)}>
      {text}
    </time>
  );
}

/** The shape of what comes, so that nothing jumps. */
export function Skeleton({ shape = 'screen' }: { shape?: 'screen' | 'list' }) {
  const stage = useWaiting(true);
  return (
    <div class="skeleton" aria-busy="true">
      {shape === 'screen' && <div class="bone tall" />}
      <div class="bone" />
      <div class="bone" />
      <div class="bone" />
      <p class="note" role="status">
        {stage === 'slow' ? t('wait.slow') : stage === 'doing' ? t('wait.directory') : ''}
      </p>
      {stage === 'slow' && shape === 'screen' && (
        <Button weight="quiet" onClick={() => location.reload()}>
          {t('app.again')}
        </Button>
      )}
    </div>
  );
}

/** A question over the page. Escape and the quiet button keep things as they are. */
export function Sheet({ title, onClose, children }: Kids & { title: string; onClose: () => void }) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const el = ref.current;
    const before = document.activeElement;
    el?.showModal();
    return () => {
      el?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class="sheet"
      aria-labelledby={id}
      onCancel={(e) => {
        e.preventDefault();
        onClose();
      }}
    >
      <h2 class="sheet-title" id={id}>
        {title}
      </h2>
      {children}
    </dialog>
  );
}

/** Copies and says so. */
export function Copy({ text, label, weight = 'second' }: { text: string; label: string; weight?: 'primary' | 'second' }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
      setTimeout(() => setDone(false), 2500);
    } catch {
      setDone(false);
    }
  };
  return (
    <Button weight={weight} icon={done ? 'check' : 'copy'} onClick={() => void copy()}>
      <span aria-live="polite">{done ? t('app.copied') : label}</span>
    </Button>
  );
}

/** By attribute: as a property, 'off' is a true value, and turns it on. */
const plain = (input: HTMLInputElement | null) => input?.setAttribute('autocorrect', 'off');

interface FieldProps {
  label: string;
  hint?: string;
  value: string;
  onInput: (value: string) => void;
  autocomplete: string;
  secret?: boolean;
  invalid?: boolean;
  describedBy?: string;
  maxLength?: number;
  inputMode?: 'numeric' | 'tel' | 'email';
  name: string;
}

/** One line of text. A secret one can be revealed, and nothing corrects it. */
export function Field({ label, hint, value, onInput, autocomplete, secret, invalid, describedBy, maxLength, inputMode, name }: FieldProps) {
  const [shown, setShown] = useState(false);
  const id = useId();
  const described = [hint && `${id}-h`, describedBy].filter(Boolean).join(' ') || undefined;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class={invalid ? 'input is-invalid' : 'input'}>
        <input
          id={id}
          name={name}
          ref={plain}
          type={(secret && !shown ? 'password' : 'text') as 'text'}
          value={value}
          maxLength={maxLength}
          inputMode={inputMode}
          autocomplete={autocomplete as 'off'}
          autocapitalize="none"
          spellcheck={false}
          aria-invalid={invalid}
          aria-describedby={described}
          class={secret ? 'secret' : undefined}
          onInput={(e) => onInput(e.currentTarget.value)}
        />
        {secret && (
          <button type="button" class="reveal" aria-controls={id} onClick={() => setShown(!shown)}>
            <Icon name={shown ? 'eyeOff' : 'eye'} />
            <span>{t(shown ? 'pw.hide' : 'pw.show')}</span>
          </button>
        )}
      </div>
      {hint && (
        <p class="hint" id={`${id}-h`}>
          {hint}
        </p>
      )}
    </div>
  );
}
