// The other ways to prove a request: any of them is enough.
import { t } from '../../i18n';
import { isKey, isTyped } from '../../lib/ways';
import { Row, Rows, Screen } from '../../ui/kit';
import { iconOf } from '../recover/codes';
import { wayName } from '../recover/words';
import type { Way } from './ways';

export interface WaysProps {
  ways: Way[];
  onPick: (way: Way) => void;
  onBack: () => void;
}

const isReady = (way: Way) => way.lacks.length === 0;

/** What is typed is its name, and the touch that follows stands below: most of them share it. */
function look({ needs }: Way) {
  const typed = needs.filter(isTyped);
  const [first] = typed;
  const key = needs.find(isKey);
  if (!first) return { icon: 'key' as const, title: wayName(key ? [key] : []), then: '' };
  return { icon: iconOf[first], title: wayName(typed), then: key ? t(`way.then.${key}`) : '' };
}

/** What can be taken now, and what would have to be set up first. */
export function WayRows({ ways, title, onPick }: { ways: Way[]; title?: string; onPick: (way: Way) => void }) {
  const lacking = ways.filter((way) => !isReady(way));
  return (
    <>
      {lacking.length < ways.length && (
        <Rows title={title}>
          {ways.filter(isReady).map((way) => {
            const { icon, title: name, then } = look(way);
            return <Row key={way.needs.join()} icon={icon} title={name} sub={then} onClick={() => onPick(way)} />;
          })}
        </Rows>
      )}
      {lacking.length > 0 && (
        <Rows title={t('way.lacks')}>
          {lacking.map((way) => {
            const { icon, title: name } = look(way);
            return <Row key={way.needs.join()} icon={icon} title={name} sub={t('way.set-up')} href={way.lacks.some(isKey) ? '/passkeys' : '/proofs'} />;
          })}
        </Rows>
      )}
    </>
  );
}

export function OtherWays({ ways, onPick, onBack }: WaysProps) {
  const n = ways.filter(isReady).length;
  return (
    <Screen title={t('way.title')} up={onBack} kind="plain" key="ways">
      <p class="lead">{n === 0 ? t('way.lead.none') : t(n === 1 ? 'way.lead' : 'way.lead.any')}</p>
      <WayRows ways={ways} onPick={onPick} />
    </Screen>
  );
}
