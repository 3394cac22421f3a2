/** What this build says about its own origin. */
import config from "../deno.json" with { type: "json" };

/** Origin of a build. */
export interface BuildInfo {
  readonly version: string;
  /** Short commit, `unknown` outside of a build. */
  readonly commit: string;
}

/** The origin: the version is part of the sources, the commit of an executable was put beside them. */
export function buildInfo(): BuildInfo {
  return { version: config.version, commit: bakedCommit() ?? "unknown" };
}

function bakedCommit(): string | undefined {
  if (!Deno.build.standalone) return undefined;
  try {
    const baked: unknown = JSON.parse(
      Deno.readTextFileSync(new URL("../dist/build.json", import.meta.url)),
    );
    return typeof baked === "object" && baked !== null && "commit" in baked
      ? String(baked.commit)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The origin in one word or two. */
export function versionText(): string {
  const { version, commit } = buildInfo();
  return commit === "unknown" ? version : `${version} (${commit})`;
}
