// The decision: approve with the passkey, deny with a reason, or stop it because
// it isn't right.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Ceremony, Review } from '../../api-types';
import { t, tn } from '../../i18n';
import { useAct } from '../../lib/act';
import { post } from '../../lib/api';
import { useCeremony } from '../../lib/ceremony';
import { useNow } from '../../lib/now';
import type { Resource } from '../../lib/resource';
import { refresh } from '../../lib/session';
import { assert } from '../../lib/webauthn';
import { Trouble } from '../../ui/help';
import { Banner, Button, Screen } from '../../ui/kit';
import { Facts, Signs, Who, Why, Word } from './about';
import { Deny, Wrong } from './sheets';
import { aboutThem, asks, vouched } from './said';

interface Props {
  review: Review;
  offline: boolean;
  resource: Resource<Review>;
}

export function Decide({ review: r, offline, resource }: Props) {
  const now = useNow();
  const [digits, setDigits] = useState('');
  const [sheet, setSheet] = useSheet();
  const { act, problem, approve } = useApproval(r, resource, digits, setDigits);
  const done = (next: Review) => (resource.set(next), void refresh());
  const why = offline ? t('w.stale') : r.number && !/^\d\d$/.test(digits) ? t('rv.number.missing') : '';
  return (
    <Screen title={asks(r)} up="/inbox" kind="plain review">
      <Who review={r} />
      <Why review={r} />
      <Signs review={r} />
      <Facts review={r} now={now} />
      <form
        class="decide"
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          if (!why) void approve();
        }}
      >
        {vouched(r) && <Word review={r} />}
        {r.number && <Digits review={r} value={digits} onInput={(v) => (setDigits(v), act.clear())} wrong={problem?.code === 'review.number'} />}
        <div class="dock">
          <Trouble problem={problem?.code === 'review.number' ? null : problem} quiet />
          <Button type="submit" icon="key" busy={act.busy} doing={t('wait.passkey')} why={why}>
            {t('rv.approve')}
          </Button>
          <div class="twin">
            <Button weight="second" onClick={() => setSheet('deny')}>
              {t('rv.deny')}
            </Button>
            <Button weight="quiet" onClick={() => setSheet('wrong')}>
              {t('rv.wrong')}
            </Button>
          </div>
        </div>
      </form>
      {r.frozen && (
        <Banner tone="info" title={t('rv.frozen')} quiet>
          <p>{t('rv.frozen.sub')}</p>
        </Banner>
      )}
      {sheet === 'deny' && <Deny review={r} onClose={() => setSheet(null)} onReview={done} onRefused={() => void resource.reload()} />}
      {sheet === 'wrong' && <Wrong review={r} onClose={() => setSheet(null)} onReview={done} onRefused={() => void resource.reload()} />}
    </Screen>
  );
}

/** Approves over options that were fetched before the tap, or, where the number
 *  is asked for, with it. */
function useApproval(r: Review, resource: Resource<Review>, digits: string, setDigits: (v: string) => void) {
  const path = `/api/reviews/${encodeURIComponent(r.id)}/approve`;
  const ceremony = useCeremony(r.number ? null : `${path}/begin`, { number: '' });
  const act = useAct();
  const { reload, set } = resource;
  const problem = aboutThem(act.problem ?? (act.busy ? null : ceremony.problem));
  const stale = problem && !problem.code.startsWith('passkey.') && !problem.code.startsWith('network.') ? problem.code : '';
  // Whatever the server refuses, the request is read again: it may not be open any more.
  useEffect(() => {
    if (!stale) return;
    setDigits('');
    void reload();
  }, [stale, act.problem, reload]);
  const finish = async (c: Ceremony) => {
    const credential = await assert(c);
    set(await post<Review>(`${path}/finish`, { token: c.token, credential }));
    void refresh();
  };
  const approve = () => act.run(() => (r.number ? post<Ceremony>(`${path}/begin`, { number: digits }).then(finish) : ceremony.use(finish)));
  return { act, problem, approve };
}

function Digits({ review, value, onInput, wrong }: { review: Review; value: string; onInput: (v: string) => void; wrong: boolean }) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (wrong) field.current?.focus();
  }, [wrong]);
  return (
    <div class="ask-digits">
      <label for="digits">{t('rv.number')}</label>
      <input
        id="digits"
        ref={field}
        name="digits"
        class={wrong ? 'two is-invalid' : 'two'}
        inputMode="numeric"
        pattern="[0-9]{2}"
        maxLength={2}
        autocomplete="off"
        value={value}
        aria-invalid={wrong}
        aria-describedby="digits-hint"
        onInput={(e) => onInput((e.currentTarget.value = e.currentTarget.value.replace(/\D/g, '').slice(0, 2)))}
      />
      <p class={wrong ? 'wrong' : 'hint'} id="digits-hint" role={wrong ? 'alert' : undefined}>
        {wrong ? t('rv.number.wrong') : t('rv.number.sub', { name: review.displayName })} {review.numbersLeft < 3 && tn('rv.number.left', review.numbersLeft)}
      </p>
    </div>
  );
}

type Open = 'deny' | 'wrong' | null;

/** The open sheet. "#deny" in the address, as a notification's button gives it, opens Deny. */
function useSheet(): [Open, (next: Open) => void] {
  const read = (): Open => (location.hash === '#deny' ? 'deny' : null);
  const [sheet, setSheet] = useState<Open>(read);
  useEffect(() => {
    const changed = () => read() && setSheet(read());
    window.addEventListener('hashchange', changed);
    window.addEventListener('popstate', changed);
    return () => {
      window.removeEventListener('hashchange', changed);
      window.removeEventListener('popstate', changed);
    };
  }, []);
  const set = (next: Open) => {
    if (!next && location.hash) history.replaceState(history.state, '', location.pathname);
    setSheet(next);
  };
  return [sheet, set];
}
