import { useCallback, useEffect, useRef, useState } from 'react';
import { GraphiQLProvider, useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { DOC_EXPLORER_PLUGIN, DocExplorerStore } from '@graphiql/plugin-doc-explorer';
import { explorerPlugin } from '@graphiql/plugin-explorer';
import { HISTORY_PLUGIN, HistoryStore } from '@graphiql/plugin-history';
import { GraphiQL, GraphiQLInterface } from 'graphiql';
import { createFetcher } from './api.js';
import { Examples } from './Examples.jsx';
import { FIRST_TABS } from './examples/index.js';
import icon from './icon.svg';
import { KeyBox } from './KeyBox.jsx';
import { storage } from './storage.js';
import { createStream } from './stream.js';
import { StreamLog } from './StreamLog.jsx';
import { EDITOR_THEME } from './theme.js';

const PLUGINS = [DOC_EXPLORER_PLUGIN, explorerPlugin({ showAttribution: false }), HISTORY_PLUGIN];

const BLANK = '# Ctrl+Enter runs what you write here, Ctrl+Space completes it.\n\n';

// A link to #docs opens the documentation.
if (location.hash === '#docs') storage.setItem('graphiql:visiblePlugin', DOC_EXPLORER_PLUGIN.title);

export function App() {
  const key = useRef(null);
  const [viewer, setViewer] = useState(null);
  const [stream] = useState(createStream);
  // One fetcher for the life of the page: GraphiQL asks for the schema again whenever it gets another.
  const [fetcher] = useState(() => createFetcher(() => key.current, stream));
  const takeKey = useCallback((text, owner) => {
    key.current = text;
    setViewer(owner);
  }, []);
  return (
    <GraphiQLProvider
      fetcher={fetcher}
      plugins={PLUGINS}
      referencePlugin={DOC_EXPLORER_PLUGIN}
      defaultTabs={FIRST_TABS}
      defaultQuery={BLANK}
      editorTheme={EDITOR_THEME}
      storage={storage}
      shouldPersistHeaders={false}
      schemaDescription
      inputValueDeprecation
    >
      <HistoryStore>
        <DocExplorerStore>
          <SystemTheme />
          <header className="bar">
            <a className="home" href="/">
              <img src={icon} alt="" width="28" height="28" />
              Lucid
            </a>
            <Examples viewer={viewer} />
            <KeyBox viewer={viewer} onKey={takeKey} />
          </header>
          <GraphiQLInterface showPersistHeadersSettings={false} defaultEditorToolsVisibility="variables">
            <GraphiQL.Logo>{' '}</GraphiQL.Logo>
            <GraphiQL.Footer>
              <StreamLog stream={stream} />
            </GraphiQL.Footer>
          </GraphiQLInterface>
        </DocExplorerStore>
      </HistoryStore>
    </GraphiQLProvider>
  );
}

/** Let the editor follow when the system turns dark or light: its style sheets do that by themselves, it does not. */
function SystemTheme() {
  const { setTheme } = useGraphiQLActions();
  const theme = useGraphiQL((state) => state.theme);
  useEffect(() => {
    if (theme !== null) return undefined;
    const system = matchMedia('(prefers-color-scheme: dark)');
    const follow = () => setTheme(null);
    system.addEventListener('change', follow);
    return () => system.removeEventListener('change', follow);
  }, [theme, setTheme]);
  return null;
}
