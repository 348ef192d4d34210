/**
 * The browser's storage, for tabs, history and the width of panes; a key never gets there.
 *
 * GraphiQL keeps no headers in its tabs when told so, but its history does, and a key can be pasted anywhere. So every
 * text is searched for what looks like a key or a token before it is written.
 */
const SECRETS = /\blk_[a-z0-9]+_[\w-]+|\beyJ[\w-]+\.[\w-]+\.[\w-]*/gi;

export const withoutSecrets = (text) => text.replace(SECRETS, '(removed)');

// A browser that allows no storage gets one for the life of the page.
function browserStorage() {
  try {
    localStorage.getItem('');
    return localStorage;
  } catch {
    const values = new Map();
    return {
      getItem: (name) => values.get(name) ?? null,
      setItem: (name, value) => void values.set(name, value),
      removeItem: (name) => void values.delete(name),
      clear: () => values.clear(),
      get length() {
        return values.size;
      },
    };
  }
}

const kept = browserStorage();

export const storage = {
  getItem: (name) => kept.getItem(name),
  setItem: (name, value) => kept.setItem(name, withoutSecrets(value)),
  removeItem: (name) => kept.removeItem(name),
  clear: () => kept.clear(),
  get length() {
    return kept.length;
  },
};
