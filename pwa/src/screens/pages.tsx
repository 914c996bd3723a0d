// Pages that only tell: help with the passkey, and what Latchkey is.
import { t, type Key } from '../i18n';
import { info, session } from '../lib/session';
import { askable, isVouched } from '../lib/ways';
import { Support } from '../ui/help';
import { Row, Rows, Screen } from '../ui/kit';
import { Bring, Whom } from './recover/none';

const questions = ['nothing', 'other', 'new', 'never', 'app', 'unknown'] as const;

const up = () => (session.get().state === 'in' ? '/account' : '/');

export function Help() {
  const ways = askable(info.use().recovery);
  return (
    <Screen title={t('help.title')} up={up()}>
      <p class="lead">{t('help.lead')}</p>
      <div class="asks">
        {questions.map((q) => (
          <details key={q}>
            <summary>{t(`help.${q}`)}</summary>
            <p>{t(`help.${q}.do` as Key)}</p>
          </details>
        ))}
      </div>
      {ways.length > 0 && (
        <Rows>
          <Row icon="once" href="/recover" title={t('help.without')} sub={t(ways.some(isVouched) ? 'help.without.vouch' : 'help.without.sub')} />
        </Rows>
      )}
      {ways.length === 0 && session.get().state !== 'in' && (
        <>
          <section class="prose">
            <h2>{t('rec.none')}</h2>
            <Whom lead={false} />
          </section>
          <Bring />
        </>
      )}
      <Support />
    </Screen>
  );
}

const parts = ['how', 'never', 'does'] as const;

export function About() {
  const { version, organisation } = info.use();
  return (
    <Screen title={t('about.title')} up={up()}>
      <p class="lead">{t('about.lead')}</p>
      {parts.map((p) => (
        <section class="prose" key={p}>
          <h2>{t(`about.${p}`)}</h2>
          <p>{t(`about.${p}.do` as Key)}</p>
        </section>
      ))}
      <Support />
      {version && <p class="hint">{[organisation, t('about.version', { version })].filter(Boolean).join(' · ')}</p>}
    </Screen>
  );
}
