import { useRef } from 'react';
import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { CALLERS } from './examples/index.js';

/** A menu of examples, one group for each kind of caller; those that the key in use opens are marked. */
export function Examples({ viewer }) {
  const menu = useRef(null);
  const openExample = useOpenExample();
  const choose = (example) => {
    menu.current.hidePopover();
    openExample(example);
  };
  return (
    <>
      <button type="button" className="quiet" popoverTarget="examples">
        Examples <span aria-hidden="true">▾</span>
      </button>
      <div ref={menu} id="examples" className="panel examples" popover="auto">
        {CALLERS.map(({ name, needs, kinds, examples }) => (
          <section key={name} data-open={isOpenTo(viewer, kinds)}>
            <h2>
              {name} <small>{isOpenTo(viewer, kinds) && kinds.length > 0 ? 'your key opens these' : needs}</small>
            </h2>
            <ul>
              {examples.map((example) => (
                <li key={example.name}>
                  <button type="button" onClick={() => choose(example)}>
                    {example.title}
                  </button>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
    </>
  );
}

const isOpenTo = (viewer, kinds) => kinds.length === 0 || kinds.some((kind) => viewer?.partner.kinds.includes(kind));

/** Go to the tab that holds an example as it is, or put it into a new one. */
function useOpenExample() {
  const { addTab, changeTab } = useGraphiQLActions();
  const { tabs, queryEditor, variableEditor } = useGraphiQL(({ tabs, queryEditor, variableEditor }) => ({
    tabs,
    queryEditor,
    variableEditor,
  }));
  return ({ query, variables }) => {
    const index = tabs.findIndex((tab) => tab.query?.trimEnd() === query);
    if (index >= 0) {
      changeTab(index);
      return;
    }
    addTab();
    queryEditor.setValue(query);
    variableEditor.setValue(variables);
  };
}
