/**
 * Forms: fields that a person fills in, as a gateway asks and a client shows them.
 *
 * A drop-down list named `group_list` is a choice of groups, and its answer goes outside of the other
 * answers. Buttons and single sign-on are skipped on reading, and never built.
 */
import { childrenOf } from "./config_auth.ts";
import { element, isXmlName, type XmlElement } from "./xml.ts";

/** The name of the list of groups. */
export const GROUP_LIST = "group_list";

/** A line to type into, or a value to send back. */
export interface FormInput {
  /** Tells the values of the union apart. */
  readonly kind: "input";
  /** Shown, starred out, or not there for the eye. */
  readonly type: "text" | "password" | "hidden";
  /** Becomes the element of the answer. */
  readonly name: string;
  /** For people. */
  readonly label?: string | undefined;
  /** What stands in it. */
  readonly value?: string | undefined;
}

/** One line of a drop-down list. */
export interface FormOption {
  /** What is answered. */
  readonly value: string;
  /** What is shown. */
  readonly text: string;
  /** Whether it is chosen to begin with. */
  readonly isSelected: boolean;
}

/** A drop-down list. */
export interface FormSelect {
  /** Tells the values of the union apart. */
  readonly kind: "select";
  /** `GROUP_LIST`, or the element of the answer. */
  readonly name: string;
  /** For people. */
  readonly label?: string | undefined;
  /** What there is to choose from. */
  readonly options: readonly FormOption[];
}

/** One field. */
export type FormField = FormInput | FormSelect;

const inputTypes = ["text", "password", "hidden"] as const;

/** The fields of a `form` element, those of unknown kinds left out. */
export function parseForm(form: XmlElement): readonly FormField[] {
  return form.children.flatMap((field): FormField[] => {
    const name = field.attributes.get("name");
    const label = field.attributes.get("label");
    if (name === undefined || !isXmlName(name)) return []; // nobody could answer it
    if (field.name === "select") {
      return [{
        kind: "select",
        name,
        label,
        options: childrenOf(field, "option").map(parseOption),
      }];
    }
    const type = inputTypes.find((it) => it === field.attributes.get("type"));
    if (field.name !== "input" || type === undefined) return [];
    return [{ kind: "input", type, name, label, value: field.attributes.get("value") }];
  });
}

/** A `form` element. */
export function formElement(fields: readonly FormField[]): XmlElement {
  return element("form", fields.map(fieldElement));
}

function parseOption(option: XmlElement): FormOption {
  const text = option.text.trim();
  return {
    value: option.attributes.get("value") ?? text,
    text,
    isSelected: option.attributes.get("selected") === "true",
  };
}

function fieldElement(field: FormField): XmlElement {
  const { name, label } = field;
  if (field.kind === "input") {
    return element("input", "", { type: field.type, name, label, value: field.value });
  }
  const options = field.options.map(({ value, text, isSelected }) =>
    element("option", text, {
      value: value === text ? undefined : value,
      selected: isSelected ? "true" : undefined,
    })
  );
  return element("select", options, { name, label });
}
