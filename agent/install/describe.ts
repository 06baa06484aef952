import type { Change } from './plan.ts';

const verbs: Record<Change['do'], string> = {
  directory: 'makes',
  file: 'writes',
  link: 'links',
  remove: 'removes',
  keep: 'leaves',
};

export function describe({ do: what, path, why }: Change): string {
  return `${verbs[what]} ${path}: ${why}`;
}
