/**
 * The house rules that `deno lint` does not have. `pure`: files of `core/` and of the pure part of
 * `dataplane/` read no clock, no random source, no console and no network, and never wait. `product`:
 * no console and no non-null assertion in what is shipped, while tests and scripts may use both.
 *
 * The plugin interface of Deno may still change, so `tests/architecture_test.ts` repeats the check on
 * the text of the files, with the same names.
 */

/** Globals that a pure file may not name. */
export const impureNames: ReadonlySet<string> = new Set([
  "Deno",
  "Date",
  "performance",
  "Temporal",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "clearTimeout",
  "clearInterval",
  "queueMicrotask",
  "console",
  "fetch",
  "process",
  "Worker",
  "WebSocket",
  "globalThis",
]);

/** Members that a pure file may not use, although the object itself is allowed or a common name. */
export const impureMembers: ReadonlySet<string> = new Set([
  "Math.random",
  "crypto.subtle",
  "crypto.getRandomValues",
  "crypto.randomUUID",
]);

const pureParts = [
  /(^|\/)core\//,
  /(^|\/)dataplane\/(esp|ip)\//,
  /(^|\/)dataplane\/(datagram|forwarder|sa_table|outbound_index|buffers|counters)\.ts$/,
];

/** Whether the purity rule holds for a file, by its path in the project. Tests are free. */
export function mustBePure(path: string): boolean {
  const unix = path.replaceAll("\\", "/");
  return !/(^|\/)tests\//.test(unix) && pureParts.some((part) => part.test(unix));
}

function isProduct(path: string): boolean {
  const unix = path.replaceAll("\\", "/");
  return !/(^|\/)(tests|scripts)\//.test(unix);
}

interface Span {
  readonly range: readonly [number, number];
}

/** The name stands where a name is only a label: `x.Date`, `{ Date: 1 }`, `Date?: string`. */
function isLabel(node: Deno.lint.Identifier): boolean {
  const parent: unknown = node.parent;
  if (typeof parent !== "object" || parent === null || !("type" in parent)) return false;
  const computed = "computed" in parent && parent.computed === true;
  const at = (field: unknown): boolean =>
    typeof field === "object" && field !== null && "range" in field &&
    (field as Span).range[0] === node.range[0];
  if (parent.type === "MemberExpression") {
    return !computed && "property" in parent && at(parent.property);
  }
  if (parent.type === "TSQualifiedName") return "right" in parent && at(parent.right);
  if (parent.type === "Property" && "shorthand" in parent && parent.shorthand === true) {
    return false;
  }
  return !computed && "key" in parent && at(parent.key);
}

const pure: Deno.lint.Rule = {
  create(context): Deno.lint.LintVisitor {
    if (!mustBePure(context.filename)) return {};
    const waiting = (node: { readonly range: Deno.lint.Range; readonly async: boolean }): void => {
      if (node.async) context.report({ range: node.range, message: "a pure file has no async" });
    };
    return {
      Identifier(node): void {
        if (impureNames.has(node.name) && !isLabel(node)) {
          context.report({ node, message: `a pure file may not use ${node.name}` });
        }
      },
      MemberExpression(node): void {
        if (node.object.type !== "Identifier" || node.property.type !== "Identifier") return;
        const name = `${node.object.name}.${node.property.name}`;
        if (impureMembers.has(name)) {
          context.report({ node, message: `a pure file may not use ${name}` });
        }
      },
      AwaitExpression(node): void {
        context.report({ node, message: "a pure file never waits" });
      },
      FunctionDeclaration: waiting,
      FunctionExpression: waiting,
      ArrowFunctionExpression: waiting,
    };
  },
};

const product: Deno.lint.Rule = {
  create(context): Deno.lint.LintVisitor {
    if (!isProduct(context.filename)) return {};
    return {
      MemberExpression(node): void {
        if (node.object.type === "Identifier" && node.object.name === "console") {
          context.report({ node, message: "the product logs and prints through its own files" });
        }
      },
      TSNonNullExpression(node): void {
        context.report({ node, message: "no non-null assertion in the product" });
      },
    };
  },
};

const plugin: Deno.lint.Plugin = { name: "rejoin", rules: { pure, product } };
export default plugin;
