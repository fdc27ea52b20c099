export type Question = {
	/** What is about to be done, as a question: 'Delete the script “hello”?' */
	title: string;
	/** What will be lost, and whether it can be had back. */
	body: string;
	/** What the button says: the verb. */
	action: string;
	/** For what cannot be undone. */
	danger?: boolean;
	/** What has to be typed before the button works, for the worst: the name of the thing. */
	typed?: string;
};

class Questions {
	asked = $state<Question>();
	#answer: (yes: boolean) => void = () => {};

	ask(question: Question): Promise<boolean> {
		this.#answer(false);
		this.asked = question;
		return new Promise((resolve) => (this.#answer = resolve));
	}

	answer(yes: boolean): void {
		this.asked = undefined;
		this.#answer(yes);
		this.#answer = () => {};
	}
}

/** What {@link confirm} asks; ConfirmHost shows it. */
export const questions = new Questions();

/** Asks before something is done that loses something. Resolves to whether to do it. */
export function confirm(question: Question): Promise<boolean> {
	return questions.ask(question);
}
