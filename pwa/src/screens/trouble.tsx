// The screens for when there is nothing to show: offline, failed, no such page.
import { useEffect } from 'preact/hooks';
import type { Problem } from '../api-types';
import { t } from '../i18n';
import { go } from '../lib/router';
import { session } from '../lib/session';
import { onReturn } from '../lib/sync';
import { Details, explain, heading, Support, useTold } from '../ui/help';
import { Icon } from '../ui/icons';
import { Button, Screen, Skeleton } from '../ui/kit';

/** How often a page that is offline tries again by itself. */
const RETRY_MS = 5000;

export function Offline({ retry }: { retry: () => void }) {
  useEffect(() => {
    const timer = setInterval(retry, RETRY_MS);
    window.addEventListener('online', retry);
    const off = onReturn(retry);
    return () => {
      clearInterval(timer);
      window.removeEventListener('online', retry);
      off();
    };
  }, [retry]);
  return (
    <Screen title={t('offline.title')} kind="plain">
      <Sign name="offline" tone="wait" />
      <p class="lead">{t('offline.lead')}</p>
      <p>{t('offline.try')}</p>
      <div class="dock">
        <Button onClick={retry}>{t('app.again')}</Button>
      </div>
      <Support />
    </Screen>
  );
}

export function Failed({ problem, retry }: { problem: Problem; retry: () => void }) {
  const told = useTold(problem.code);
  if (problem.code === 'network.offline') return <Offline retry={retry} />;
  if (!told) return <Skeleton />;
  const [what, todo] = explain(problem);
  const outdated = problem.code === 'app.outdated';
  const gone = problem.status === 404 || problem.code === 'session.recovered'; // trying again would not bring it
  const inside = session.get().state === 'in';
  return (
    <Screen title={heading(what)} up={inside ? '/account' : '/'} kind="plain" key={problem.code}>
      <Sign name={outdated ? 'info' : 'stop'} tone={outdated ? 'info' : 'stop'} />
      <p class="lead">{todo}</p>
      <div class="dock">
        <Button onClick={gone ? () => go(inside ? '/account' : '/', { replace: true }) : retry}>{t(!gone ? 'app.again' : inside ? 'end.account' : 'lost.go')}</Button>
      </div>
      <Details problem={problem} />
      <Support />
    </Screen>
  );
}

export function Lost() {
  return (
    <Screen title={t('lost.title')} kind="plain">
      <Sign name="help" tone="info" />
      <p class="lead">{t('lost.lead')}</p>
      <div class="dock">
        <Button onClick={() => go('/')}>{t('lost.go')}</Button>
      </div>
      <Support />
    </Screen>
  );
}

function Sign({ name, tone }: { name: 'offline' | 'stop' | 'info' | 'help'; tone: string }) {
  return (
    <div class={`sign ${tone}`}>
      <Icon name={name} />
    </div>
  );
}
