import type {MeasuredAnswer} from '../../documents/measuredAnswer.ts';
import type {Plan} from '../../documents/plan.ts';
import {envelopeSection} from './envelopeSection.ts';
import {graphSection} from './graphSection.ts';
import {headSection, titleOfPlan} from './headSection.ts';
import {latencySection} from './latencySection.ts';
import {layersSection} from './layersSection.ts';
import {markup, styleElement} from './markup.ts';
import {measuredSection} from './measuredSection.ts';
import {paretoSection} from './paretoSection.ts';
import {verifiedSection} from './verifiedSection.ts';

export interface PageRequest {
  readonly plan: Plan;
  /** What `edgewise infer --json` printed of this plan's release; `null`: nothing was measured. */
  readonly answer: MeasuredAnswer | null;
  /** templates/page/plan.css */
  readonly style: string;
}

/** A plan as one page of HTML that needs nothing else: no network, no script; the same plan gives the same page. */
export function pageFromPlan({plan, answer, style}: PageRequest): string {
  const {html} = markup`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${titleOfPlan(plan)}</title>
${styleElement(style)}
</head>
<body>
${headSection(plan)}
<main>
${graphSection(plan)}
<div class="charts">
${latencySection(plan)}
${verifiedSection(plan)}
${measuredSection(plan, answer)}
${envelopeSection(plan)}
${paretoSection(plan)}
</div>
${layersSection(plan)}
</main>
</body>
</html>`;
  return `<!doctype html>\n${html}\n`;
}
