// The rules that tick, and the strength as a bar with a word and the reason.
import type { Kind, PasswordRules } from '../../api-types';
import { t, tn, type Key } from '../../i18n';
import { Icon } from '../../ui/icons';
import { Banner } from '../../ui/kit';
import { ruleText, serverFinding, type Check } from './check';

type Mark = 'met' | 'unmet' | 'later';

interface RuleProps {
  id: string;
  value: string;
  check: Check;
  rules: PasswordRules;
  kind: Kind;
}

export function RuleList({ id, value, check, rules, kind }: RuleProps) {
  const list = lines(value, check, rules, kind);
  return (
    <div class="rules" id={id}>
      {!rules.known && (
        <Banner tone="info" quiet>
          <p>{t('pw.unreadable')}</p>
        </Banner>
      )}
      {list.length > 0 && (
        <>
          <h2 class="group-title">{t('pw.rules')}</h2>
          <ul>
            {list.map(([code, text, mark]) => (
              <li key={code} class={mark}>
                <Icon name={mark === 'met' ? 'check' : mark === 'later' ? 'wait' : 'dot'} />
                <span>
                  {text}
                  <span class="hidden">: {t(`pw.${mark}`)}</span>
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

function lines(value: string, check: Check, rules: PasswordRules, kind: Kind): [string, string, Mark][] {
  const rows: [string, string, Mark][] = check.local.map((f) => [f.code, ruleText(f.code, rules), value && f.ok ? 'met' : 'unmet']);
  for (const code of ['strength', 'banned', 'breached'] as const) {
    if (!rules[code]) continue;
    const f = serverFinding(check, code);
    rows.push([code, ruleText(code, rules), f?.ok ? 'met' : 'unmet']);
  }
  if (rules.known && rules.history > 0 && (kind === 'change' || rules.history_on_reset)) rows.push(['history', tn('pw.rule.history', rules.history), 'later']);
  return rows;
}

export function Strength({ value, check, rules }: { value: string; check: Check; rules: PasswordRules }) {
  if (!rules.strength) return null;
  const judged = check.server?.score ?? -1;
  const score = judged < 0 ? null : judged;
  const word: Key =
    !value ? 'pw.score.none' : check.state === 'asking' ? 'pw.score.asking' : score === null ? 'pw.score.unknown' : (`pw.score.${score}` as Key);
  return (
    <div class="strength" data-score={score ?? undefined}>
      <div class="bar" role="meter" aria-label={t('pw.strength')} aria-valuemin={0} aria-valuemax={4} aria-valuenow={score ?? 0} aria-valuetext={t(word)}>
        <span />
        <span />
        <span />
        <span />
      </div>
      <p role="status">
        {score !== null && value ? (
          <>
            <strong>{t(word)}.</strong> {t(reason(score, check))}
          </>
        ) : (
          t(word)
        )}
      </p>
    </div>
  );
}

function reason(score: number, check: Check): Key {
  if (serverFinding(check, 'breached')?.ok === false) return 'pw.why.breached';
  if (serverFinding(check, 'banned')?.ok === false) return 'pw.why.banned';
  if (score >= 3) return 'pw.why.good';
  return score === 2 ? 'pw.why.short' : 'pw.why.words';
}
