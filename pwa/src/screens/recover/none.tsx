// Where nothing fits: a clear sentence what to bring to whom.
import type { ComponentChildren } from 'preact';
import { t } from '../../i18n';
import { info } from '../../lib/session';
import { Point } from '../../ui/form';
import { Support } from '../../ui/help';
import { Icon } from '../../ui/icons';
import { Screen } from '../../ui/kit';

interface Props {
  onBack: () => void;
  /** What happened before, where something did. */
  title?: string;
  lead?: string;
  children?: ComponentChildren;
}

/** Who can tell that it's them. */
export function Whom({ lead }: { lead: boolean }) {
  const { name } = info.use().support;
  return <p class={lead ? 'lead' : ''}>{name ? t('rec.none.lead', { name }) : t('rec.none.lead.anon')}</p>;
}

export function Bring() {
  return (
    <ul class="notes">
      <Point icon="user" title={t('rec.none.id')} text={t('rec.none.id.sub')} />
      <Point icon="phone" title={t('rec.none.phone')} text={t('rec.none.phone.sub')} />
      <Point icon="call" title={t('rec.none.vouch')} text={t('rec.none.vouch.sub')} />
    </ul>
  );
}

export function None({ onBack, title, lead, children }: Props) {
  return (
    <Screen title={title ?? t('rec.none')} up={onBack} kind="plain" key="none">
      <div class={title ? 'sign wait' : 'sign info'}>
        <Icon name={title ? 'wait' : 'user'} />
      </div>
      {lead && <p class="lead">{lead}</p>}
      <Whom lead={!lead} />
      <Bring />
      {children}
      <Support />
    </Screen>
  );
}
