/** The module `name` beside the one at `url`, in the form that one runs in: .ts from source, .js from dist. */
export function siblingModule(url: string, name: string): URL {
  return new URL(`./${name}${url.slice(url.lastIndexOf('.'))}`, url);
}
