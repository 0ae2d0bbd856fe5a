import type {CandidateBuild, Recipe} from './target.ts';

/** A recipe as one processor has it, or (`null`) as is safe on all of a target's. */
export function recipeFor(
  recipe: Omit<Recipe, 'threads'>,
  processor: {readonly cpuFeatures: readonly string[]; readonly cores: number} | null,
): Recipe {
  const has = (features: readonly string[]): boolean =>
    processor !== null && features.some(feature => processor.cpuFeatures.includes(feature));
  const fits = ({onlyWith, onlyWithout}: CandidateBuild): boolean =>
    (onlyWith === undefined || has(onlyWith)) && (onlyWithout === undefined || !has(onlyWithout));
  return {...recipe, candidates: recipe.candidates.filter(fits), threads: processor?.cores ?? null};
}
