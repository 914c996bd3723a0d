// Without a passkey: a name, what is needed and what one has; then the codes, or
// somebody's word; then on to what was asked, by itself.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { says, t } from '../i18n';
import { useAct } from '../lib/act';
import { localProblem } from '../lib/api';
import { note } from '../lib/router';
import { info, loadInfo } from '../lib/session';
import { isTyped, isVouched } from '../lib/ways';
import { kindsSent } from '../ui/given';
import { Support, Trouble } from '../ui/help';
import { Icon, type IconName } from '../ui/icons';
import { Button, Field, Screen, Skeleton } from '../ui/kit';
import { lazy } from '../ui/lazy';
import { Picks } from '../ui/proof';
import { Codes } from './recover/codes';
import { anew, begun, fitted, notedDraft, type Draft } from './recover/draft';
import { leadsOf, leadsTo, wantsOf, wayTo, type Lead, type Want } from './recover/leads';
import { Bring, None, Whom } from './recover/none';
import type { WaitProps } from './recover/wait';
import { askWord, keepWait, keptWait, type Wait } from './recover/word';
import { wayName, wayNeeds, waySub, wordAlone } from './recover/words';
import { Failed } from './trouble';

const waiting = lazy<WaitProps>(() => import('./recover/wait').then((m) => m.Waiting), says('inside', 'proofs'));

export function Recover() {
  const now = info.use();
  const leads = leadsOf(now);
  const [wait, setWait] = useState(keptWait);
  const [asked, setAsked] = useState(false);
  const ask = () => {
    setAsked(false);
    void loadInfo().then(() => setAsked(true));
  };
  useEffect(() => {
    if (leads.length === 0) ask();
  }, []);
  if (wait) return <waiting.Screen wait={wait} onEnd={() => setWait(null)} />;
  if (leads.length > 0) return <Steps leads={leads} onWait={setWait} />;
  if (!asked) return <Skeleton />;
  return now.version ? <Off /> : <Failed problem={localProblem('network.offline').problem} retry={ask} />;
}

function Steps({ leads, onWait }: { leads: Lead[]; onWait: (wait: Wait) => void }) {
  const [chosen, setDraft] = useState(() => notedDraft(leads));
  const [round, setRound] = useState(0);
  const draft = useMemo(() => fitted(chosen, leads), [chosen, JSON.stringify(leads)]);
  useEffect(() => {
    const timer = setTimeout(() => note(draft), 200); // not at each key: browsers count
    return () => clearTimeout(timer);
  }, [draft]);
  useEffect(() => note(draft), [draft.token, draft.sent]); // at once: another load would send another code
  const change = (part: Partial<Draft>) => setDraft((d) => ({ ...fitted(d, leads), ...part }));
  const waits = (wait: Wait) => {
    note(anew(draft)); // where "Stop waiting" leads
    keepWait(wait);
    onWait(wait);
  };
  if (draft.none) return <None onBack={() => change({ none: false })} />;
  const way = leads[draft.way]?.way;
  const word = wordFor(leads, draft);
  const colleague = () => (word < 0 || word === draft.way ? change({ none: true }) : setDraft({ ...anew(draft), way: word }));
  if (draft.token && way) {
    const kinds = way.filter(isTyped);
    const other = waysFor(leads, { ...draft, want: 'thaw' }).find((i) => i !== draft.way) ?? -1;
    const anewFor = (part: Partial<Draft>) => {
      change(part);
      setRound(round + 1); // the fields are empty, and codes are sent
    };
    return <Codes key={round} onAnew={anewFor} draft={draft} kinds={kinds} vouched={isVouched(way)} only={waysFor(leads, draft).length === 1} onOther={other < 0 ? null : () => setDraft((d) => ({ ...anew(d), want: 'thaw', way: other }))} onChange={change} onAgain={(want) => setDraft((d) => ({ ...anew(d), want, way: wayTo(leads, want, d.way) }))} onColleague={colleague} onWait={waits} />;
  }
  return <Who leads={leads} draft={draft} onChange={change} onWait={waits} />;
}

const icons: Record<Want, IconName> = { unlock: 'unlock', reset: 'pen', 'one-time': 'pen', enrol: 'key', thaw: 'user' };

/** The numbers of those that lead to what is wanted. */
const waysFor = (leads: readonly Lead[], { want }: Draft) => leads.flatMap((lead, i) => (leadsTo(lead, want) ? [i] : []));

/** Where somebody's word alone leads to it; -1 for nowhere. */
const wordFor = (leads: readonly Lead[], draft: Draft) => wordAlone(leads.map((lead) => (leadsTo(lead, draft.want) ? lead.way : [])));

interface WhoProps {
  leads: Lead[];
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
  onWait: (wait: Wait) => void;
}

/** The one screen that says who, what for and with what. */
function Who({ leads, draft, onChange, onWait }: WhoProps) {
  const act = useAct();
  const name = draft.name.trim();
  const offered = wantsOf(leads);
  const ways = waysFor(leads, draft);
  const chosen = leads[draft.way]?.way ?? [];
  const only = ways.length === 1;
  const kinds = chosen.filter(isTyped);
  const sends = kindsSent(kinds).length;
  const word = wordFor(leads, draft) === draft.way;
  const next = () =>
    act.run(async () => {
      const fresh = await begun(draft);
      if (word) onWait(await askWord(draft, fresh.token, []));
      else onChange(fresh);
    });
  return (
    <Screen title={t('rec.title')} up="/" kind="plain recover" key="who">
      <form
        class="decide"
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          if (name && !act.busy) void next();
        }}
      >
        <Field name="username" label={t('rec.name')} hint={t('rec.name.sub')} value={draft.name} onInput={(v) => (onChange({ name: v }), act.clear())} autocomplete="username" maxLength={256} />
        {offered.length > 1 && draft.want !== 'thaw' ? (
          <Picks
            name="want"
            legend={t('rec.want')}
            picks={offered.map((want) => [want, t(`rec.want.${want}`), t(`rec.want.${want}.sub`)])}
            value={draft.want}
            onPick={(picked) => {
              const want = picked as Draft['want'];
              onChange({ want, way: wayTo(leads, want, draft.way) });
            }}
          />
        ) : (
          <p class="said">
            <Icon name={icons[draft.want]} />
            <span>{t(`rec.only.${draft.want}`)}</span>
          </p>
        )}
        {only ? (
          <p class="said">
            <Icon name="info" />
            <span>{wayNeeds(chosen)}</span>
          </p>
        ) : (
          <Picks
            name="way"
            legend={t('rec.have')}
            picks={ways.map((i) => [String(i), wayName(leads[i]?.way ?? []), waySub(leads[i]?.way ?? [])])}
            value={String(draft.way)}
            onPick={(way) => onChange({ way: Number(way) })}
          />
        )}
        <Trouble problem={act.problem} />
        <div class="dock">
          <Button type="submit" busy={act.busy} doing={t('rec.next.doing')} why={name ? '' : t('rec.next.why')}>
            {t(word ? 'vouch.way' : sends === 0 ? 'rec.next' : sends === 1 ? 'rec.send' : 'rec.send.all')}
          </Button>
          {word && name && <p class="hint">{t('vouch.told')}</p>}
        </div>
      </form>
      <p class="start-links">
        <a href="/help">{t('rec.help')}</a>
        {draft.want === 'thaw' && offered.length > 0 && (
          <button type="button" class="link" onClick={() => onChange({ want: offered[0], way: wayTo(leads, offered[0] ?? 'unlock', draft.way) })}>
            {t('rec.else')}
          </button>
        )}
        <button type="button" class="link" onClick={() => onChange({ none: true })}>
          {t(only ? 'rec.nothing.one' : 'rec.nothing')}
        </button>
      </p>
    </Screen>
  );
}

/** Nothing but a passkey lets anybody in here. */
function Off() {
  return (
    <Screen title={t('rec.off')} up="/" kind="plain">
      <div class="sign info">
        <Icon name="info" />
      </div>
      <p class="lead">{t('rec.off.sub')}</p>
      <Whom lead={false} />
      <Bring />
      <p class="start-links">
        <a href="/help">{t('rec.help')}</a>
      </p>
      <Support />
    </Screen>
  );
}
