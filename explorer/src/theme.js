// The editor's colours: Monaco draws them itself and does not read style sheets.
export const EDITOR_THEME = { light: 'lucid-light', dark: 'lucid-dark' };

const PALETTES = {
  light: {
    base: 'vs', ink: '#24423a', muted: '#7b938b', leaf: '#16694d', water: '#1b6f8a', stone: '#8a5a14', plum: '#7a4c8f',
    panel: '#fbfdfb', line: '#cfe0d8', wash: '#1f7a5c1c',
  },
  dark: {
    base: 'vs-dark', ink: '#d3e4dc', muted: '#7f9a91', leaf: '#7fd1ab', water: '#84c5dc', stone: '#e0b878', plum: '#cfa8e0',
    panel: '#12241f', line: '#2b4740', wash: '#7fd1ab22',
  },
};

function themeOf({ base, ink, muted, leaf, water, stone, plum, panel, line, wash }) {
  const rule = (token, colour, fontStyle) => ({ token, foreground: colour.slice(1), fontStyle });
  return {
    base,
    inherit: true,
    rules: [
      rule('', ink),
      rule('comment', muted, 'italic'),
      rule('keyword', leaf),
      rule('key.identifier.gql', water),
      rule('argument.identifier.gql', plum),
      rule('type.identifier.gql', stone),
      rule('string', stone),
      rule('number', plum),
      rule('string.key.json', water),
      rule('string.value.json', stone),
      rule('keyword.json', leaf),
    ],
    colors: {
      'editor.background': '#00000000',
      'editor.foreground': ink,
      'editorLineNumber.foreground': muted,
      'editor.selectionBackground': wash,
      'editorBracketHighlight.foreground1': muted,
      'editorBracketHighlight.foreground2': muted,
      'editorBracketHighlight.foreground3': muted,
      'editorIndentGuide.background1': line,
      'editorIndentGuide.activeBackground1': muted,
      'editorWidget.background': panel,
      'editorHoverWidget.background': panel,
      'editorSuggestWidget.background': panel,
      'editorSuggestWidget.border': line,
      'editorSuggestWidget.selectedBackground': wash,
      'editorSuggestWidget.selectedForeground': ink,
      'editorSuggestWidget.highlightForeground': leaf,
      'editorSuggestWidget.focusHighlightForeground': leaf,
      'editorWidget.border': line,
      'list.hoverBackground': wash,
      'menu.background': panel,
      'quickInput.background': panel,
      'scrollbar.shadow': '#00000000',
      'textLink.foreground': leaf,
      focusBorder: leaf,
    },
  };
}

// Begun before GraphiQL asks for the same module, so the themes are known when it names them.
import('monaco-graphql/esm/monaco-editor.js').then((monaco) => {
  for (const [mode, palette] of Object.entries(PALETTES)) {
    monaco.editor.defineTheme(EDITOR_THEME[mode], themeOf(palette));
  }
  // The editor measures its letters once: had the font come late, the cursor would stand beside them.
  document.fonts.load('1em "Fira Code"').then(() => monaco.editor.remeasureFonts());
});
