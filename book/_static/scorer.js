// The order of what a search finds: chapters, then other pages, then functions and classes of the package.
var Scorer = {
  score: ([docname, , , , score]) =>
    score + (/^book\/api\//.test(docname) ? -100 : /^book\/[^/]+\//.test(docname) ? 100 : 0),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
