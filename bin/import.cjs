// import() for what `ioasid exec` loads at a user's wish. Its bundle is started from code that V8 kept
// (src/cli/exec/start.cts), and such code has no loader of modules.
module.exports = (url) => import(url);
