/** The places of values that have no neighbour: no line would show them. */
export function alone(values: ArrayLike<number | null | undefined>): number[] {
	const found: number[] = [];
	for (let i = 0; i < values.length; i++) {
		if (values[i] != null && values[i - 1] == null && values[i + 1] == null) found.push(i);
	}
	return found;
}
