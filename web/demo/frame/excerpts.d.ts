// What `import … from 'some-source?how'` gives: see build/excerpts.ts.

declare module '*?how' {
  const excerpts: readonly import('../../build/excerpts.ts').Excerpt[];
  export default excerpts;
}
