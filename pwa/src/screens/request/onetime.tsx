// A one-time password: made, shown once, and not left before it was seen.
import { useEffect, useState } from 'preact/hooks';
import type { Executed, Request } from '../../api-types';
import { t } from '../../i18n';
import { useAct } from '../../lib/act';
import { ApiError, get, post } from '../../lib/api';
import { moment } from '../../lib/format';
import { hold } from '../../lib/router';
import { refresh } from '../../lib/session';
import { Trouble } from '../../ui/help';
import { Icon } from '../../ui/icons';
import { Button, Copy, Screen, Sheet } from '../../ui/kit';
import { Approved } from './approved';

export interface OneTimeProps {
  request: Request;
  onRequest: (r: Request) => void;
}

const GROUP = 4;

export function OneTime({ request, onRequest }: OneTimeProps) {
  const [shown, setShown] = useState('');
  const [leaving, setLeaving] = useState<(() => void) | null>(null);
  const act = useAct();
  const path = `/api/requests/${encodeURIComponent(request.id)}`;

  useEffect(() => {
    if (!shown) return;
    return hold((leave) => {
      setLeaving(() => leave);
      return false;
    });
  }, [shown]);

  const make = () =>
    act.run(async () => {
      try {
        const done = await post<Executed>(`${path}/execute`);
        if (done.generated) setShown(done.generated);
        else onRequest(done.request);
      } catch (e) {
        const now = e instanceof ApiError && e.problem.status !== 401 ? await get<Request>(path).catch(() => null) : null;
        if (now && now.state !== request.state) onRequest(now);
        throw e;
      }
    });

  const seen = (then?: () => void) =>
    act.run(async () => {
      const now = await post<Request>(`${path}/seen`);
      setShown('');
      setLeaving(null);
      onRequest(now);
      void refresh();
      then?.();
    });

  if (shown)
    return (
      <Screen title={t('ot.shown.title')} kind="plain" key="shown">
        <p class="lead">{t('ot.shown.lead')}</p>
        <Groups text={shown} />
        <Copy text={shown} label={t('app.copy')} />
        <Spelled text={shown} />
        <Trouble problem={act.problem} />
        <div class="dock">
          <p class="hint">{t('ot.seen.sub')}</p>
          <Button busy={act.busy} onClick={() => void seen()}>
            {t('ot.seen')}
          </Button>
        </div>
        {leaving && (
          <Sheet title={t('ot.leave.title')} onClose={() => setLeaving(null)}>
            <p>{t('ot.leave.sub')}</p>
            <div class="pair">
              <Button weight="second" busy={act.busy} onClick={() => void seen(leaving)}>
                {t('ot.leave.go')}
              </Button>
              <Button onClick={() => setLeaving(null)}>{t('ot.leave.stay')}</Button>
            </div>
          </Sheet>
        )}
      </Screen>
    );

  const again = request.unseen && !act.busy; // not what is being made just now
  return (
    <Screen title={t('ot.title')} up="/account" kind="plain" key="make">
      <div class="sign info">
        <Icon name="once" />
      </div>
      <p class="lead">{t(again ? 'ot.lead.again' : 'ot.lead')}</p>
      <Approved request={request} />
      <Trouble problem={act.problem} />
      <div class="dock">
        <p class="hint">{request.state === 'approved' && !request.review && request.deadline && t('pw.open', { time: moment(request.deadline) })}</p>
        <Button busy={act.busy} doing={t('wait.writing')} onClick={() => void make()}>
          {t(again ? 'ot.go.again' : 'ot.go')}
        </Button>
      </div>
    </Screen>
  );
}

function Groups({ text }: { text: string }) {
  const groups = text.match(text.includes('-') ? /[^-]*-?/g : new RegExp(`.{1,${GROUP}}`, 'gu')) ?? [text];
  return (
    <p class="once" translate={false} data-testid="one-time-password">
      {groups.filter(Boolean).map((g, i) => (
        <span key={i}>{g}</span>
      ))}
    </p>
  );
}

/** Character by character, for reading aloud. */
function Spelled({ text }: { text: string }) {
  return (
    <details class="details">
      <summary>{t('ot.spelled')}</summary>
      <p class="spelled" translate={false}>
        {[...text].map((c) => (c !== c.toLowerCase() ? t('ot.upper', { c }) : c)).join(' · ')}
      </p>
    </details>
  );
}
