// A request that is not (or no longer) this person's to decide: what they said,
// what became of it, and what they can still do.
import { useState } from 'preact/hooks';
import type { Review } from '../../api-types';
import { t } from '../../i18n';
import { useAct } from '../../lib/act';
import { post } from '../../lib/api';
import { useCeremony } from '../../lib/ceremony';
import { moment } from '../../lib/format';
import { go } from '../../lib/router';
import { refresh } from '../../lib/session';
import { assert } from '../../lib/webauthn';
import { heading, Support, Trouble } from '../../ui/help';
import { Icon, type IconName } from '../../ui/icons';
import { Banner, Button, Card, Screen, Time, type Tone } from '../../ui/kit';
import { Who, Why } from './about';
import { Wrong } from './sheets';
import { aboutThem, asks, freezable, over, ownWords, revocable, vouched, went } from './said';

interface Props {
  review: Review;
  onReview: (r: Review) => void;
  reload: () => void;
}

export function Closed({ review: r, onReview, reload }: Props) {
  const [wrong, setWrong] = useState(false);
  const said = words(r);
  return (
    <Screen title={said.title} up="/inbox" kind="plain review-over" key={`${r.mine?.verdict}${r.open}`}>
      <div class={`sign ${said.tone} ${r.mine?.verdict === 'approve' ? 'huge' : ''}`}>
        <Icon name={said.icon} />
      </div>
      <p class="lead" role="status">
        {said.lead}
      </p>
      {freezable(r) && <Freeze review={r} onReview={onReview} />}
      {r.frozen && (
        <>
          <Banner tone="stop" title={t('rv.frozen')}>
            <p>{t('rv.frozen.sub')}</p>
          </Banner>
          <Support />
        </>
      )}
      <Card>
        <p class="row-title">{asks(r)}</p>
        {r.mine && (
          <p class="row-sub">
            <Time at={r.mine.at} text={`${t(`rv.row.${r.mine.verdict}`)}: ${moment(r.mine.at)}`} />
            {ownWords(r) && <span class="line">{ownWords(r)}</span>}
          </p>
        )}
        <Who review={r} />
        <Why review={r} />
      </Card>
      <div class="dock">
        {revocable(r) && <p class="hint">{t('rv.wrong.late')}</p>}
        <Button onClick={() => go('/inbox', { replace: true })}>{t('rv.inbox')}</Button>
        {revocable(r) && (
          <Button weight="quiet" onClick={() => setWrong(true)}>
            {t('rv.wrong')}
          </Button>
        )}
      </div>
      {wrong && <Wrong review={r} onClose={() => setWrong(false)} onReview={(next) => (onReview(next), void refresh())} onRefused={reload} />}
    </Screen>
  );
}

function words(r: Review): { title: string; lead: string; tone: Tone; icon: IconName } {
  const name = r.displayName;
  const after = went(r);
  switch (r.mine?.verdict) {
    case 'approve':
      return { title: t(vouched(r) ? 'rv.said.vouch' : 'rv.said.approve'), lead: after || t(`rv.said.approve.${r.kind}`, { name }), tone: 'good', icon: 'check' };
    case 'deny':
      return { title: t('rv.said.deny'), lead: t(vouched(r) ? 'rv.said.deny.vouch' : 'rv.said.deny.sub', { name }), tone: 'info', icon: 'check' };
    case 'report':
      return { title: t('rv.said.report'), lead: t(vouched(r) ? 'rv.said.report.vouch' : 'rv.said.report.sub', { name }), tone: 'stop', icon: 'stop' };
  }
  const [what, todo] = over(r);
  return { title: heading(what), lead: todo, tone: 'info', icon: 'info' };
}

/** After "this isn't right": the account can be frozen, with the passkey. */
function Freeze({ review, onReview }: Omit<Props, 'reload'>) {
  const path = `/api/reviews/${encodeURIComponent(review.id)}/freeze`;
  const ceremony = useCeremony(`${path}/begin`);
  const act = useAct();
  const freeze = () =>
    act.run(() =>
      ceremony.use(async (c) => {
        const credential = await assert(c);
        onReview(await post<Review>(`${path}/finish`, { token: c.token, credential }));
        void refresh();
      }),
    );
  return (
    <Card title={t('rv.freeze')}>
      <p class="freeze-sub">{t('rv.freeze.sub')}</p>
      <Trouble problem={aboutThem(act.problem ?? (act.busy ? null : ceremony.problem))} quiet />
      <Button weight="danger" icon="key" busy={act.busy} doing={t('wait.passkey')} onClick={() => void freeze()}>
        {t('rv.freeze.go')}
      </Button>
    </Card>
  );
}
