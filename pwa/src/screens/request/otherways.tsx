// The other ways to prove a request: any of them is enough.
import type { Kind } from '../../api-types';
import { t } from '../../i18n';
import { isKey, isTyped } from '../../lib/codes';
import { Row, Rows, Screen } from '../../ui/kit';
import { iconOf } from '../recover/codes';
import { wayName, type AnyKind } from '../recover/words';
import type { Way } from './ways';

export interface WaysProps {
  kind: Kind;
  ways: Way[];
  onPick: (way: Way) => void;
  onBack: () => void;
}

/** The first thing to type stands for the rest. */
const iconFor = ({ needs }: Way) => {
  const typed = needs.find(isTyped);
  return typed ? iconOf[typed] : 'key';
};

/** What can be taken now, and what would have to be set up first. */
export function WayRows({ ways, title, onPick }: { ways: Way[]; title?: string; onPick: (way: Way) => void }) {
  const ready = ways.filter((way) => way.lacks.length === 0);
  const lacking = ways.filter((way) => way.lacks.length > 0);
  const name = ({ needs }: Way) => wayName(needs as AnyKind[]);
  return (
    <>
      {ready.length > 0 && (
        <Rows title={title}>
          {ready.map((way) => (
            <Row key={way.needs.join()} icon={iconFor(way)} title={name(way)} onClick={() => onPick(way)} />
          ))}
        </Rows>
      )}
      {lacking.length > 0 && (
        <Rows title={t('way.lacks')}>
          {lacking.map((way) => (
            <Row key={way.needs.join()} icon={iconFor(way)} title={name(way)} sub={t('pv.set-up')} href={way.lacks.some(isKey) ? '/passkeys' : '/proofs'} />
          ))}
        </Rows>
      )}
    </>
  );
}

export function OtherWays({ kind, ways, onPick, onBack }: WaysProps) {
  return (
    <Screen title={t('way.title')} up={onBack} kind="plain" key="ways">
      <p class="lead">{t(`way.lead.${kind}`)}</p>
      <WayRows ways={ways} onPick={onPick} />
    </Screen>
  );
}
