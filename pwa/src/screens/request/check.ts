// What the device and the server say about the password being typed.
import { useEffect, useState } from 'preact/hooks';
import type { Finding, PasswordCheck, PasswordRules } from '../../api-types';
import { has, t, tn, type Key } from '../../i18n';
import { post } from '../../lib/api';
import { judge } from '../../lib/rules';

/** The pause after which the server is asked. */
const PAUSE_MS = 400;

export interface Check {
  local: Finding[];
  server: PasswordCheck | null;
  /** 'asking' from the first key to the answer; 'failed' lets the directory decide. */
  state: 'idle' | 'asking' | 'known' | 'failed';
}

const asksServer = (r: PasswordRules) => r.strength || r.banned || r.breached;

export function useCheck(request: string, value: string, rules: PasswordRules): Check {
  const [answer, setAnswer] = useState<{ value: string; server: PasswordCheck | null } | null>(null);
  useEffect(() => {
    if (!value || !asksServer(rules)) return;
    const stop = new AbortController();
    const timer = setTimeout(() => {
      post<PasswordCheck>(`/api/requests/${encodeURIComponent(request)}/password/check`, { password: value }, stop.signal)
        .then((server) => setAnswer({ value, server }))
        .catch(() => stop.signal.aborted || setAnswer({ value, server: null }));
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [request, value, rules]);
  useEffect(() => {
    if (!value) setAnswer(null);
  }, [value]);

  const local = judge(value, rules);
  if (!value || !asksServer(rules)) return { local, server: null, state: 'idle' };
  if (answer?.value !== value) return { local, server: null, state: 'asking' };
  return { local, server: answer.server, state: answer.server ? 'known' : 'failed' };
}

/** A finding of the server on one rule; null while it isn't known. */
export function serverFinding(check: Check, code: string): Finding | null {
  return check.server?.findings.find((f) => f.code === code) ?? null;
}

interface Typed {
  value: string;
  old: string | null;
  rules: PasswordRules;
  check: Check;
  /** What the directory refused last. */
  refused: string;
}

/** Why it can't be sent yet; '' when it can. */
export function verdict({ value, old, rules, check, refused }: Typed): string {
  if (old === '') return t('pw.missing.old');
  if (!value) return t('pw.missing.empty');
  if (old !== null && old === value) return t('pw.missing.same');
  if (value === refused) return t('pw.missing.refused');
  const broken = [...check.local, ...(check.server?.findings ?? [])].filter((f) => !f.ok).map((f) => f.code);
  if (broken.length > 0) return t('pw.missing', { what: [...new Set(broken)].map((c) => lowerFirst(ruleText(c, rules))).join(', ') });
  return check.state === 'asking' ? t('pw.missing.asking') : '';
}

const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);

export function ruleText(code: string, rules: PasswordRules): string {
  if (code === 'length') return tn('pw.rule.length', rules.min_length);
  const key = `pw.rule.${code}`;
  return has(key) ? t(key as Key) : code;
}
