// A request of somebody's that was asked for without a passkey, as its owner sees it
// who is signed in with one: it may be somebody else's. Here it can only be stopped;
// whoever asked goes on where they asked.
import { useState } from 'preact/hooks';
import type { Request } from '../../api-types';
import { t } from '../../i18n';
import { useAct } from '../../lib/act';
import { post } from '../../lib/api';
import { moment } from '../../lib/format';
import { refresh } from '../../lib/session';
import { Support, Trouble } from '../../ui/help';
import { Icon } from '../../ui/icons';
import { Button, Card, Screen, Time } from '../../ui/kit';
import { StopAll } from '../stopall';

export interface StrangerProps {
  request: Request;
  onRequest: (r: Request) => void;
}

export function Stranger({ request: r, onRequest }: StrangerProps) {
  const act = useAct();
  const [all, setAll] = useState(false);
  const cancel = () =>
    act.run(async () => {
      onRequest(await post<Request>(`/api/requests/${encodeURIComponent(r.id)}/cancel`));
      void refresh();
    });
  return (
    <Screen title={t('str.title')} up="/account" kind="plain" key="stranger">
      <div class="sign stop">
        <Icon name="stop" />
      </div>
      <p class="lead">{t('str.lead')}</p>
      <Card>
        <p class="row-title">{t(`rv.kind.${r.kind}`)}</p>
        <p class="row-sub">
          <Time at={r.created} text={t('str.when', { time: moment(r.created), until: moment(r.deadline) })} />
        </p>
        <p class="row-sub">{t(r.state === 'approved' ? 'str.vouched' : 'str.waits')}</p>
      </Card>
      <p>{t('str.mine')}</p>
      <Trouble problem={act.problem} quiet />
      <div class="dock">
        <Button weight="danger" busy={act.busy} onClick={() => void cancel()}>
          {t('w.cancel')}
        </Button>
        <Button weight="quiet" onClick={() => setAll(true)}>
          {t('freeze.row')}
        </Button>
      </div>
      <Support />
      {all && <StopAll onKeep={() => setAll(false)} />}
    </Screen>
  );
}
