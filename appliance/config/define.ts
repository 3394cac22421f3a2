/** Short ways to write a flag table. */
import type { ListFlag, SingleFlag, SwitchFlag } from "./flag.ts";
import type { Form } from "./forms.ts";

/** A flag with one value and none by default. */
export function optional<T>(
  group: string,
  form: Form<T>,
  help: string,
): SingleFlag<T> & { readonly fallback: undefined } {
  return { kind: "single", group, ...form, help, fallback: undefined };
}

/** A flag with one value and a default. */
export function single<T>(
  group: string,
  form: Form<T>,
  fallback: string,
  help: string,
): SingleFlag<T> & { readonly fallback: string } {
  return { kind: "single", group, ...form, help, fallback };
}

/** A flag that may be repeated, values also parted by commas. */
export function list<T>(
  group: string,
  form: Form<T>,
  help: string,
  fallback?: string,
): ListFlag<T> {
  return { kind: "list", group, ...form, help, separator: /,/, fallback };
}

/** A flag without value. */
export function toggle(group: string, help: string): SwitchFlag {
  return { kind: "switch", group, help };
}
