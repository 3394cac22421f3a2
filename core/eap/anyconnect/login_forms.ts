/** The forms that a person sees at login, and the texts on them. */
import type { DocumentError } from "./config_auth.ts";
import { type FormField, GROUP_LIST } from "./form.ts";
import type { AuthBlock } from "./gateway_documents.ts";

/** A group to choose from. */
export interface LoginGroup {
  /** As the session has it. */
  readonly name: string;
  /** As people see it, when not by its name. */
  readonly alias?: string;
}

/** Texts for people. */
export interface LoginTexts {
  /** Headline of the form. */
  readonly title: string;
  /** What to do. */
  readonly message: string;
  /** Before the user name. */
  readonly userName: string;
  /** Before the password. */
  readonly password: string;
  /** Before the list of groups. */
  readonly group: string;
  /** Before the answer to a challenge that does not say it itself. */
  readonly answer: string;
  /** Above the form, when it is shown again. */
  readonly failed: string;
  /** Text of the operator on the form. */
  readonly banner?: string;
}

/** English. */
export const englishTexts: LoginTexts = {
  title: "Login",
  message: "Please enter your username and password.",
  userName: "Username:",
  password: "Password:",
  group: "GROUP:",
  answer: "Answer:",
  failed: "Login failed.",
};

/** The number that goes with a wrong user name or password. */
const LOGIN_FAILED = "13";

/** The names of the fields. */
export const FieldName = { USER_NAME: "username", PASSWORD: "password", ANSWER: "answer" } as const;

/**
 * The group that a word of the client means: a name or an alias, alone or as the path of a URL.
 */
export function findGroup(
  groups: readonly LoginGroup[],
  word: string | undefined,
): LoginGroup | undefined {
  if (word === undefined) return undefined;
  const path = /^https?:\/\/[^/]*\/([^?#]*)/i.exec(word)?.[1];
  const wanted = (path ?? word).replace(/\/$/, "");
  return groups.find(({ name, alias }) => wanted === name || wanted === alias);
}

/** The form for user name and password; after a wrong one with a text that says so. */
export function passwordForm(
  texts: LoginTexts,
  groups: readonly LoginGroup[],
  chosen: LoginGroup | undefined,
  problem: string | undefined,
): AuthBlock {
  const error: DocumentError | undefined = problem === undefined
    ? undefined
    : { id: LOGIN_FAILED, text: problem };
  const form: readonly FormField[] = [
    { kind: "input", type: "text", name: FieldName.USER_NAME, label: texts.userName },
    { kind: "input", type: "password", name: FieldName.PASSWORD, label: texts.password },
    ...groupList(texts, groups, chosen),
  ];
  const { title, message, banner } = texts;
  return { id: "main", title, message, banner, error, form };
}

/** The form for one more answer. */
export function challengeForm(texts: LoginTexts, message: string, label?: string): AuthBlock {
  const form: readonly FormField[] = [
    { kind: "input", type: "password", name: FieldName.ANSWER, label: label ?? texts.answer },
  ];
  return { id: "challenge", title: texts.title, message, form };
}

/** A choice, when there is one. */
function groupList(
  texts: LoginTexts,
  groups: readonly LoginGroup[],
  chosen: LoginGroup | undefined,
): readonly FormField[] {
  if (groups.length < 2) return [];
  const options = groups.map((group) => {
    const text = group.alias ?? group.name;
    return { value: text, text, isSelected: group === chosen };
  });
  return [{ kind: "select", name: GROUP_LIST, label: texts.group, options }];
}
