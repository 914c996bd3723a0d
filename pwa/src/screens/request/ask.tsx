// The reason, before somebody else is asked to agree.
import { useState } from 'preact/hooks';
import type { Kind } from '../../api-types';
import { t, type Key } from '../../i18n';
import { useAct } from '../../lib/act';
import { session } from '../../lib/session';
import { Chips, Area } from '../../ui/form';
import { Trouble } from '../../ui/help';
import { Icon } from '../../ui/icons';
import { Button, Screen } from '../../ui/kit';
import { Lost } from '../trouble';
import { askChips, MAX_WORDS, reasonOf } from '../review/words';
import { submit } from './asked';

const kinds: Kind[] = ['unlock', 'reset', 'change', 'one-time', 'enrol'];

export function Ask({ params }: { params: Record<string, string> }) {
  const kind = kinds.find((k) => k === params.kind);
  const offered = session.use().me?.options.some((o) => o.kind === kind && o.allowed);
  return kind && offered ? <Reason kind={kind} /> : <Lost />;
}

function Reason({ kind }: { kind: Kind }) {
  const act = useAct();
  const [chip, setChip] = useState<Key | ''>('');
  const [words, setWords] = useState('');
  const chips = askChips(kind).map((key): [string, string] => [key, t(key)]);
  const go = () => act.run(() => submit(kind, reasonOf(chip && t(chip), words), { replace: true }));
  return (
    <Screen title={t(`prove.title.${kind}`)} up="/account" kind="plain ask">
      <p class="said">
        <Icon name="user" />
        <span>{t('ask.who')}</span>
      </p>
      <Chips legend={t('ask.why')} hint={t('ask.why.sub')} chips={chips} value={chip} onPick={(picked) => setChip(picked as Key | '')} />
      <Area label={t('ask.more')} hint={t('ask.more.sub')} value={words} max={MAX_WORDS} onInput={setWords} />
      <Trouble problem={act.problem} />
      <div class="dock">
        <p class="hint">{t(session.get().me?.session.recovered ? 'ask.next.in' : 'ask.next')}</p>
        <Button busy={act.busy} onClick={() => void go()}>
          {t('ask.go')}
        </Button>
      </div>
    </Screen>
  );
}
