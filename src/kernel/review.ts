/** Whether somebody else looked at a change: what a merged merge request proves. */
import type { Review } from './world.ts';

/** Tokens approve under such names; a review is made by a person. */
const isBot = (name: string): boolean => /^(project|group)_\d+_bot(_|$)/i.test(name);

const same = (a: string, b: string): boolean => a.replace(/^@/, '').toLowerCase() === b.replace(/^@/, '').toLowerCase();

/** People who approved it, its author and those of `except` left out. */
export const approversOf = ({ author, approvedBy }: Review, except: readonly string[] = []): readonly string[] =>
  approvedBy.filter((name) => name !== '' && !isBot(name) && ![author, ...except].some((other) => same(name, other)));

export type Reviewed =
  | { readonly ok: true; readonly review: Review; readonly approvers: readonly string[] }
  /** Why not: words that follow "it". */
  | { readonly ok: false; readonly why: string };

/** The merge request into the default branch through which a change came and that another person approved; or what is missing. */
export function reviewedBy(reviews: readonly Review[], defaultBranch: string, except: readonly string[] = []): Reviewed {
  const ours = reviews.filter(({ targetBranch }) => defaultBranch === '' || targetBranch === defaultBranch);
  for (const review of ours) {
    const approvers = approversOf(review, except);
    if (approvers.length > 0) return { ok: true, review, approvers };
  }
  const [first] = ours;
  if (!first)
    return {
      ok: false,
      why: reviews.length > 0 ? `came through no merge request into ${defaultBranch}` : 'came through no merge request',
    };
  const own = except.length > 0 ? 'author or executor' : 'author';
  if (first.approvedBy.length === 0) return { ok: false, why: `came through !${first.iid}, which nobody approved` };
  return first.approvedBy.every(isBot)
    ? { ok: false, why: `came through !${first.iid}, which only a token approved` }
    : { ok: false, why: `came through !${first.iid}, which only its own ${own} ${first.approvedBy.join(', ')} approved` };
}
