// What somebody came in with to say that it is them again, once it counts no more.
import type { Problem } from '../../api-types';
import { t } from '../../i18n';
import { go, note } from '../../lib/router';
import { Banner, Button } from '../../ui/kit';

/** Whether what let somebody in asks for nothing any more. */
export const isOld = (problem: Problem | null) => problem?.code === 'proof.expired' || problem?.code === 'proof.mismatch';

/** … and the way to show it once more. */
export function Old({ name, way }: { name: string; way: number }) {
  const again = () => {
    go('/recover');
    note({ want: 'thaw', way, name }); // as the first step there notes it
  };
  return (
    <>
      <Banner tone="info" title={t('thaw.old')}>
        <p>{t('thaw.old.sub')}</p>
      </Banner>
      <Button weight="second" icon="user" onClick={again}>
        {t('thaw.again')}
      </Button>
    </>
  );
}
