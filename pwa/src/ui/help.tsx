// The way out: what a problem says, and who can help.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Problem } from '../api-types';
import { has, says, t, type Key } from '../i18n';
import { inSeconds, moment } from '../lib/format';
import { info } from '../lib/session';
import { Banner, Row, Rows, type Tone } from './kit';

const ofErrors = says('inside', 'errors');

/** What a code says: what happened, and what to do. */
export function explain(problem: Pick<Problem, 'code' | 'params' | 'retryAfter' | 'status'>): [string, string] {
  const { code, params = {} } = problem;
  const values = {
    ...params,
    until: moment(params.until ?? ''),
    in: inSeconds(problem.retryAfter ?? 0),
    rules: (params.rules ?? '').split(',').filter(Boolean).map(ruleName).join(', '),
    proofs: proofNames((params.proofs ?? '').split(' ').filter(Boolean)),
  };
  const wanted = [params.clock && `e.${code}.${params.clock}`, values.until && `e.${code}.until`, values.rules && `e.${code}.some`, `e.${code}`];
  const known = wanted.find((key) => key && has(key)) as Key | undefined;
  if (!known) void ofErrors().catch(() => undefined); // it may be among the texts behind Start
  const [what = '', todo = ''] = t(known ?? 'e.other', values).split('\n');
  return [what, todo];
}

/** A sentence as a heading. */
export const heading = (sentence: string) => sentence.replace(/\.$/, '');

/** Proofs by their names, within a sentence. */
export const proofNames = (kinds: string[]): string => kinds.map((kind) => (has(`duty.${kind}`) ? t(`duty.${kind}` as Key) : kind)).join(', ');

function ruleName(code: string): string {
  const key = code === 'length' ? 'pw.rule.length.short' : `pw.rule.${code}`;
  return has(key) ? t(key) : code;
}

/** Words that are no alarm: the person closed a window, or has no network. */
const calm = new Set(['passkey.cancelled', 'ceremony.unknown', 'network.offline', 'network.slow', 'passkey.already-here', 'passkey.already-key', 'passkey.already-registered', 'account.not-locked']);

/** Whether a problem is one that somebody else may have to help with. */
export const grave = (problem: Problem | null) => problem !== null && !calm.has(problem.code);

/** A network that is too slow for words is no reason to say nothing. */
const TEXTS_MS = 2000;

/** Whether a code's own words are here; where they can't be had it is said without. */
export function useTold(code: string): boolean {
  const [told, setTold] = useState(false);
  const known = told || !code || has(`e.${code}`);
  useEffect(() => {
    if (known) return;
    const over = () => setTold(true);
    const timer = setTimeout(over, TEXTS_MS);
    ofErrors().then(over, over);
    return () => clearTimeout(timer);
  }, [known]);
  return known;
}

/** A problem in the flow of a screen. A quiet one leaves the support to the screen. */
export function Trouble({ problem, children, quiet }: { problem: Problem | null; children?: ComponentChildren; quiet?: boolean }) {
  const told = useTold(problem?.code ?? '');
  if (!problem || !told) return null;
  const [what, todo] = explain(problem);
  const tone: Tone = grave(problem) ? 'stop' : 'info';
  return (
    <div class="trouble">
      <Banner tone={tone} title={what}>
        <p>{todo}</p>
        {tone === 'stop' && <Details problem={problem} />}
      </Banner>
      {problem.code === 'duty.missing' && (
        <Rows>
          <Row icon="once" href="/proofs" title={t('nav.proofs')} />
        </Rows>
      )}
      {children}
      {tone === 'stop' && !quiet && <Support />}
    </div>
  );
}

/** What support wants to hear; closed until asked for. */
export function Details({ problem }: { problem: Problem }) {
  const diagnostic = problem.params?.diagnostic;
  return (
    <details class="details">
      <summary>{t('app.details')}</summary>
      <dl>
        <dt>{t('support.code')}</dt>
        <dd>{problem.code}</dd>
        {problem.instance && (
          <>
            <dt>{t('support.id')}</dt>
            <dd>{problem.instance}</dd>
          </>
        )}
        {diagnostic && (
          <>
            <dt>{t('support.says')}</dt>
            <dd>{diagnostic}</dd>
          </>
        )}
      </dl>
    </details>
  );
}

/** Whom to ask: on every error, and wherever a way ends. */
export function Support() {
  const { name, phone, hours, mail } = info.use().support;
  if (!name && !phone && !mail) return null;
  return (
    <Rows title={t('support.title')}>
      {phone ? (
        <Row href={`tel:${phone.replace(/[^\d+]/g, '')}`} icon="call" title={name || phone} sub={<Lines of={[name && phone, hours]} />} />
      ) : (
        <Row icon="user" title={name} sub={hours} />
      )}
      {mail && <Row href={`mailto:${encodeURI(mail)}`} icon="mail" title={<Mail address={mail} />} />}
    </Rows>
  );
}

/** Each on a line of its own; none for what is empty. */
export function Lines({ of }: { of: string[] }) {
  return (
    <>
      {of.filter(Boolean).map((line) => (
        <span class="line" key={line}>
          {line}
        </span>
      ))}
    </>
  );
}

/** An address or account that breaks after the @, and nowhere in a word unless it must. */
export function Mail({ address }: { address: string }) {
  const at = address.indexOf('@') + 1;
  return (
    <>
      {address.slice(0, at)}
      <wbr />
      {address.slice(at)}
    </>
  );
}
