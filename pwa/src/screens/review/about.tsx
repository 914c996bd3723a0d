// What an approver has to know, in one glance.
import { Fragment, type ComponentChildren } from 'preact';
import type { Review } from '../../api-types';
import { t } from '../../i18n';
import { browserName } from '../../lib/browser';
import { ago, moment } from '../../lib/format';
import { Face, photo } from '../../ui/face';
import { Mail } from '../../ui/help';
import { Icon } from '../../ui/icons';
import { Banner, Fact, Time } from '../../ui/kit';
import { network, proved, signs, vouched } from './said';

/** Who asks: picture, place, account. */
export function Who({ review: r }: { review: Review }) {
  const place = [r.title, r.department].filter(Boolean).join(', ');
  return (
    <div class="who">
      <Face name={r.displayName} src={photo(r.id, r.account, r.photo)} />
      <div>
        {place && <p class="row-title">{place}</p>}
        <p class="row-sub" translate={false}>
          <Mail address={r.name} />
        </p>
      </div>
    </div>
  );
}

export function Why({ review: r }: { review: Review }) {
  if (!r.reason && vouched(r)) return null; // nobody was asked for one
  return r.reason ? <blockquote class="why" tabIndex={r.reason.length > 120 ? 0 : undefined}>{r.reason}</blockquote> : <p class="hint">{t('rv.why.none')}</p>;
}

/** What is unusual: a word and a sign for each, or that there is nothing. */
export function Signs({ review }: { review: Review }) {
  const said = signs(review);
  if (said.length === 0 && vouched(review)) return null; // that is unusual enough
  if (said.length === 0)
    return (
      <p class="said good">
        <Icon name="check" />
        <span>{t('rv.sign.none')}</span>
      </p>
    );
  return (
    <ul class="signs" aria-label={t('rv.signs')}>
      {said.map((text) => (
        <li key={text} class="said wait">
          <Icon name="stop" />
          <span>{text}</span>
        </li>
      ))}
    </ul>
  );
}

/** Nobody has proved who it is: what the reviewer must do instead. */
export function Word({ review: r }: { review: Review }) {
  const beside = proved(r);
  return (
    <Banner tone="stop" title={beside ? t('rv.vouch.beside', { proofs: beside }) : t('rv.vouch')} quiet>
      <p>
        {t('rv.vouch.call', { name: r.displayName })} {t('rv.vouch.else')}
      </p>
    </Banner>
  );
}

/** A long address breaks after its colons. */
function Breaking({ text }: { text: string }) {
  return (
    <>
      {text.match(/[^:]+:*|:+/g)?.map((part, i) => (
        <Fragment key={i}>
          {part}
          <wbr />
        </Fragment>
      ))}
    </>
  );
}

export function Facts({ review: r, now }: { review: Review; now: number }) {
  const facts: [string, ComponentChildren][] = [
    [t('rv.when'), <Time at={r.created} text={t('rv.when.value', { when: ago(r.created, new Date(now)), time: moment(r.deadline) })} />],
    [t('rv.from'), <Breaking text={network(r)} />],
    [t('rv.device'), browserName(r.device)],
    [t('rv.proved'), vouched(r) || r.signs.some((s) => s.code === 'weak-proof') ? '' : proved(r)], // a warning or a sign says that already
  ];
  return (
    <dl class="facts">
      {facts
        .filter(([, value]) => value)
        .map(([name, value]) => (
          <Fact key={name} name={name}>
            {value}
          </Fact>
        ))}
    </dl>
  );
}
