import { plural as pluralOf } from "../../format";

export const plural = (n: number, one: string, other: string): string => pluralOf("en", n, { one, other });
export const files = (n: number): string => plural(n, "# file", "# files");
