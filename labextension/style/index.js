import './chat.css';
import './panel.css';
