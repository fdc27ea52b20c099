import type { Schema } from '#lib/api/index.ts';

export type Span = 'hour' | 'day' | 'week';

/** How long each span is, and how far its points are apart: 60, 96 and 84 of them. */
export const spans: Record<Span, { label: string; seconds: number; step: number }> = {
	hour: { label: 'Hour', seconds: 3600, step: 60 },
	day: { label: 'Day', seconds: 86_400, step: 900 },
	week: { label: 'Week', seconds: 604_800, step: 7200 },
};

export function spanOf(text: string | null): Span {
	return text === 'day' || text === 'week' ? text : 'hour';
}

/** The query of the metrics API for the span that ends now. */
export function spanQuery(span: Span, now: number): { from: string; to: string; step: number } {
	const { seconds, step } = spans[span];
	const end = Math.ceil(now / 1000 / step) * step;
	return { from: new Date((end - seconds) * 1000).toISOString(), to: new Date(end * 1000).toISOString(), step };
}

type Metrics = Schema<'Metrics'>;
type Point = Schema<'MetricsPoint'>;

/** Every step from the first to the last, with the point of it or undefined: the API leaves out what is empty. */
export function steps(m: Metrics): { times: number[]; points: (Point | undefined)[] } {
	const from = Date.parse(m.from) / 1000;
	const to = Date.parse(m.to) / 1000;
	const found = new Map(m.points.map((p) => [Math.floor((Date.parse(p.at) / 1000 - from) / m.step_seconds), p]));
	const times: number[] = [];
	const points: (Point | undefined)[] = [];
	for (let i = 0; from + i * m.step_seconds < to; i++) {
		times.push(from + i * m.step_seconds);
		points.push(found.get(i));
	}
	return { times, points };
}
